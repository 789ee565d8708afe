import * as tf from '@tensorflow/tfjs';
import { type NoiseKey, uniformNoise } from './hash.ts';

/** Draws of the step that is running. */
interface Draws {
  uniform(shape: readonly number[]): tf.Tensor;
  normal(shape: readonly number[]): tf.Tensor;
}

type Kwargs = { readonly training?: boolean };
type Noise = (layer: never, input: tf.Tensor, draws: Draws) => tf.Tensor;
type Call = (this: object, inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs) => tf.Tensor | tf.Tensor[];

/**
 * Runs `fn` with the random layers of tfjs (Dropout, SpatialDropout1D, GaussianNoise, GaussianDropout, AlphaDropout, dropout in
 * recurrent layers) drawing from (seed, step) instead of from tfjs' generators, whatever their own seeds.
 * So a step has the same masks when it is repeated, resumed, recorded or compiled.
 */
export function withSeededDropout<T>({ seed, step }: Omit<NoiseKey, 'draw'>, fn: () => T): T {
  let draw = 0;
  const uniform = (shape: readonly number[]) => uniformNoise(shape, { seed, step, draw: draw++ });
  const draws: Draws = { uniform, normal: (shape) => normalNoise(uniform(shape), uniform(shape)) };
  const restore = patches().map(({ prototype, call }) => {
    const original = prototype.call;
    prototype.call = call(original, draws);
    return () => {
      prototype.call = original;
    };
  });
  try {
    return fn();
  } finally {
    for (const one of restore) one();
  }
}

interface Patch {
  readonly prototype: { call: Call };
  call(original: Call, draws: Draws): Call;
}

let known: Patch[] | undefined;

/** The classes are not exported by tfjs, so an instance of each leads to its prototype. */
function patches(): Patch[] {
  known ??= [
    noiseOf(tf.layers.dropout({ name: 'sample', rate: 0.5 }), dropout),
    noiseOf(tf.layers.gaussianNoise({ name: 'sample', stddev: 1 }), gaussianNoise),
    noiseOf(tf.layers.gaussianDropout({ name: 'sample', rate: 0.5 }), gaussianDropout),
    noiseOf(tf.layers.alphaDropout({ name: 'sample', rate: 0.5 }), alphaDropout),
    cellOf(tf.layers.simpleRNNCell({ name: 'sample', units: 1 })),
    cellOf(tf.layers.gruCell({ name: 'sample', units: 1 })),
    cellOf(tf.layers.lstmCell({ name: 'sample', units: 1 })),
    cellOf(tf.layers.convLstm2dCell({ name: 'sample', filters: 1, kernelSize: 1 })),
  ];
  return known;
}

const prototypeOf = (layer: object): Patch['prototype'] => Object.getPrototypeOf(layer);

function noiseOf(sample: tf.layers.Layer, noise: Noise): Patch {
  return {
    prototype: prototypeOf(sample),
    call: (_, draws) =>
      function (inputs, kwargs) {
        const input = Array.isArray(inputs) ? inputs[0]! : inputs;
        if (!kwargs.training) return input;
        return tf.tidy(() => noise(this as never, input, draws));
      },
  };
}

/** Recurrent cells make a mask by `dropoutFunc` and use it at every time step of the sequence. */
function cellOf(sample: object): Patch {
  return {
    prototype: prototypeOf(sample),
    call: (original, draws) =>
      function (this: { dropoutFunc?: unknown }, inputs, kwargs) {
        const own = this.dropoutFunc;
        this.dropoutFunc = (ones: tf.Tensor, rate: number) => drop(ones, rate, ones.shape, draws);
        try {
          return original.call(this, inputs, kwargs);
        } finally {
          this.dropoutFunc = own;
        }
      } as Call,
  };
}

interface RateLayer {
  readonly rate: number;
}

function dropout(
  layer: RateLayer & { getNoiseShape(input: tf.Tensor): number[] | undefined },
  input: tf.Tensor,
  draws: Draws,
) {
  if (!(layer.rate > 0 && layer.rate < 1)) return input;
  return drop(input, layer.rate, layer.getNoiseShape(input) ?? input.shape, draws);
}

/** Zeroes a share of `rate` and scales the rest up, so that the mean stays. */
function drop(input: tf.Tensor, rate: number, shape: readonly number[], draws: Draws): tf.Tensor {
  const kept = tf.cast(tf.greaterEqual(draws.uniform(shape), rate), 'float32');
  return tf.mul(input, tf.mul(kept, 1 / (1 - rate)));
}

function gaussianNoise({ stddev }: { readonly stddev: number }, input: tf.Tensor, draws: Draws) {
  return tf.add(input, tf.mul(draws.normal(input.shape), stddev));
}

function gaussianDropout({ rate }: RateLayer, input: tf.Tensor, draws: Draws) {
  if (!(rate > 0 && rate < 1)) return input;
  const stddev = Math.sqrt(rate / (1 - rate));
  return tf.mul(input, tf.add(tf.mul(draws.normal(input.shape), stddev), 1));
}

/** Klambauer et al. 2017, arXiv:1706.02515: drops to SELU's lowest value, then restores mean and variance. */
function alphaDropout(layer: RateLayer & { noiseShape?: number[] }, input: tf.Tensor, draws: Draws) {
  const { rate } = layer;
  if (!(rate > 0 && rate < 1)) return input;
  const lowest = -1.6732632423543772 * 1.0507009873554805;
  const scale = ((1 - rate) * (1 + rate * lowest ** 2)) ** -0.5;
  const kept = tf.cast(tf.greaterEqual(draws.uniform(layer.noiseShape ?? input.shape), rate), 'float32');
  const dropped = tf.add(tf.mul(input, kept), tf.mul(tf.sub(1, kept), lowest));
  return tf.add(tf.mul(dropped, scale), -scale * lowest * rate);
}

/** Standard normal by Box and Muller; 1 - u is never 0. */
function normalNoise(first: tf.Tensor, second: tf.Tensor): tf.Tensor {
  const radius = tf.sqrt(tf.mul(tf.log(tf.sub(1, first)), -2));
  return tf.mul(radius, tf.cos(tf.mul(second, 2 * Math.PI)));
}
