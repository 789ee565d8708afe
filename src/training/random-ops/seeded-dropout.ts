import * as tf from '@tensorflow/tfjs';
import { hashedUniform, type RandomKey } from './uniform.ts';

/** Draws the random numbers of one step, [...shape] float32. */
interface Draws {
  /** In [0, 1). */
  uniform(shape: readonly number[]): tf.Tensor;
  /** Standard normal. */
  normal(shape: readonly number[]): tf.Tensor;
}

type Kwargs = { readonly training?: boolean };
type Call = (this: object, inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs) => tf.Tensor | tf.Tensor[];
/** Returns the output of a random layer while training; `layer` is an instance of the class that it belongs to. */
type RandomCall = (layer: never, input: tf.Tensor, draws: Draws) => tf.Tensor;

/**
 * Runs `fn` with the random layers of tfjs drawing from (seed, step) instead of from tfjs' own generators: Dropout,
 * SpatialDropout1D, GaussianNoise, GaussianDropout, AlphaDropout, and dropout in recurrent layers. Seeds of the
 * layers are ignored. A step then has the same masks if it is repeated, resumed, recorded or compiled. (tfjs draws in
 * JavaScript, so a recorded step would have the same mask at every step.)
 *
 * @example
 * const loss = withSeededDropout({ seed: 0, step }, () => task.loss(inputs, labels));
 */
export function withSeededDropout<T>({ seed, step }: Omit<RandomKey, 'draw'>, fn: () => T): T {
  let draw = 0;
  const uniform = (shape: readonly number[]) => hashedUniform(shape, { seed, step, draw: draw++ });
  const draws: Draws = { uniform, normal: (shape) => boxMuller(uniform(shape), uniform(shape)) };
  const originals = patches().map(({ prototype, replace }) => {
    const original = prototype.call;
    prototype.call = replace(original, draws);
    return { prototype, original };
  });
  try {
    return fn();
  } finally {
    for (const { prototype, original } of originals) prototype.call = original;
  }
}

/** Replaces the method `call` of a layer class. */
interface Patch {
  readonly prototype: { call: Call };
  replace(original: Call, draws: Draws): Call;
}

let cachedPatches: Patch[] | undefined;

/** tfjs does not export the classes of its layers, so an instance of each leads to its prototype. */
function patches(): Patch[] {
  cachedPatches ??= [
    layerPatch(tf.layers.dropout({ name: 'sample', rate: 0.5 }), dropout),
    layerPatch(tf.layers.gaussianNoise({ name: 'sample', stddev: 1 }), gaussianNoise),
    layerPatch(tf.layers.gaussianDropout({ name: 'sample', rate: 0.5 }), gaussianDropout),
    layerPatch(tf.layers.alphaDropout({ name: 'sample', rate: 0.5 }), alphaDropout),
    cellPatch(tf.layers.simpleRNNCell({ name: 'sample', units: 1 })),
    cellPatch(tf.layers.gruCell({ name: 'sample', units: 1 })),
    cellPatch(tf.layers.lstmCell({ name: 'sample', units: 1 })),
    cellPatch(tf.layers.convLstm2dCell({ name: 'sample', filters: 1, kernelSize: 1 })),
  ];
  return cachedPatches;
}

const prototypeOf = (layer: object): Patch['prototype'] => Object.getPrototypeOf(layer);

function layerPatch(sample: tf.layers.Layer, randomCall: RandomCall): Patch {
  return {
    prototype: prototypeOf(sample),
    replace: (_, draws) =>
      function (inputs, kwargs) {
        const input = Array.isArray(inputs) ? inputs[0]! : inputs;
        if (!kwargs.training) return input;
        return tf.tidy(() => randomCall(this as never, input, draws));
      },
  };
}

/** Recurrent cells draw a mask with `dropoutFunc` and use it at every time step of the sequence. */
function cellPatch(sample: object): Patch {
  return {
    prototype: prototypeOf(sample),
    replace: (original, draws) =>
      function (this: { dropoutFunc?: unknown }, inputs, kwargs) {
        const { dropoutFunc } = this;
        this.dropoutFunc = (ones: tf.Tensor, rate: number) => drop(ones, rate, ones.shape, draws);
        try {
          return original.call(this, inputs, kwargs);
        } finally {
          this.dropoutFunc = dropoutFunc;
        }
      } as Call,
  };
}

interface DropoutLayer {
  readonly rate: number;
}

function dropout(
  layer: DropoutLayer & { getNoiseShape(input: tf.Tensor): number[] | undefined },
  input: tf.Tensor,
  draws: Draws,
) {
  if (!(layer.rate > 0 && layer.rate < 1)) return input;
  return drop(input, layer.rate, layer.getNoiseShape(input) ?? input.shape, draws);
}

/** Zeroes a share `rate` of the elements and scales up the others, so that the expected value stays the same. */
function drop(input: tf.Tensor, rate: number, maskShape: readonly number[], draws: Draws): tf.Tensor {
  const mask = tf.cast(tf.greaterEqual(draws.uniform(maskShape), rate), 'float32');
  return tf.mul(input, tf.mul(mask, 1 / (1 - rate)));
}

function gaussianNoise({ stddev }: { readonly stddev: number }, input: tf.Tensor, draws: Draws) {
  return tf.add(input, tf.mul(draws.normal(input.shape), stddev));
}

function gaussianDropout({ rate }: DropoutLayer, input: tf.Tensor, draws: Draws) {
  if (!(rate > 0 && rate < 1)) return input;
  const stddev = Math.sqrt(rate / (1 - rate));
  return tf.mul(input, tf.add(tf.mul(draws.normal(input.shape), stddev), 1));
}

/** Klambauer et al. 2017, arXiv:1706.02515: sets elements to SELU's lowest value, then restores mean and variance. */
function alphaDropout(layer: DropoutLayer & { noiseShape?: number[] }, input: tf.Tensor, draws: Draws) {
  const { rate } = layer;
  if (!(rate > 0 && rate < 1)) return input;
  const lowest = -1.6732632423543772 * 1.0507009873554805;
  const scale = ((1 - rate) * (1 + rate * lowest ** 2)) ** -0.5;
  const mask = tf.cast(tf.greaterEqual(draws.uniform(layer.noiseShape ?? input.shape), rate), 'float32');
  const dropped = tf.add(tf.mul(input, mask), tf.mul(tf.sub(1, mask), lowest));
  return tf.add(tf.mul(dropped, scale), -scale * lowest * rate);
}

/** Makes standard normal numbers of uniform ones in [0, 1) (Box-Muller); 1 - first is never 0. */
function boxMuller(first: tf.Tensor, second: tf.Tensor): tf.Tensor {
  const radius = tf.sqrt(tf.mul(tf.log(tf.sub(1, first)), -2));
  return tf.mul(radius, tf.cos(tf.mul(second, 2 * Math.PI)));
}
