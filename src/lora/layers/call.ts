import * as tf from '@tensorflow/tfjs';
import type { LayerAdapter } from './adapter.ts';
import { dilatedConv, isDilated } from './dilated-conv.ts';
import { doraTerm } from './dora.ts';
import type { BaseLayer } from './kind.ts';
import { channelsLast, ownLayout, perChannel } from './layout.ts';
import type { LoraLayer } from './lora-layer.ts';
import { kernelName } from './names.ts';
import { effectiveWeight, isInKernel, lowRankUpdate } from './updates.ts';

/** Keyword arguments of a layer's `call`, such as `training`. */
export type Kwargs = Record<string, unknown>;
/** What a layer is called with, and gives. */
export type Inputs = tf.Tensor | tf.Tensor[];
/** The base class' own `call`. */
export type BaseCall = (inputs: Inputs, kwargs: Kwargs) => Inputs;

const linear = (tf.layers.activation({ activation: 'linear', name: 'lora_linear' }) as BaseLayer).activation!;

/** What an adapted layer does with its inputs. The caller tidies up. */
export function callAdapted(layer: LoraLayer, base: BaseCall, inputs: Inputs, kwargs: Kwargs): Inputs {
  const replaced = [...layer.baseWeights].filter(([name]) => isReplaced(layer, name));
  const values = replaced.map(([name]) => effectiveWeight(layer, name, isInKernel(layer)));
  const weights = replaced.map(([, weight]) => weight);
  return withValues(weights, values, () =>
    sideAdapters(layer).length > 0
      ? callBeside(layer, base, inputs, kwargs)
      : callBase(layer, base, inputs, kwargs),
  );
}

/** Runs `compute` while the weights read as these values. */
function withValues<T>(
  weights: readonly tf.LayerVariable[],
  values: readonly tf.Tensor[],
  compute: () => T,
): T {
  const before = weights.map((weight) => Object.getOwnPropertyDescriptor(weight, 'read'));
  weights.forEach((weight, index) => {
    weight.read = () => values[index] as tf.Variable;
  });
  try {
    return compute();
  } finally {
    weights.forEach((weight, index) => {
      const read = before[index];
      if (read) Object.defineProperty(weight, 'read', read);
      else delete (weight as Partial<tf.LayerVariable>).read;
    });
  }
}

/** As the base layer does it; what is frozen runs as in inference, and what has no gradient in tfjs gets one. */
function callBase(layer: LoraLayer, base: BaseCall, inputs: Inputs, kwargs: Kwargs): Inputs {
  if (layer.getClassName() === 'LoraBatchNormalization') return base(inputs, { ...kwargs, training: false });
  if (!isDilated(layer)) return base(inputs, kwargs);
  return finish(layer, convolve(layer, oneOf(inputs), layer.baseWeights.get('kernel')!.read()));
}

/** The base's output before bias and activation, plus each adapter's term, then bias and activation. */
function callBeside(layer: LoraLayer, base: BaseCall, inputs: Inputs, kwargs: Kwargs): tf.Tensor {
  const x = oneOf(inputs);
  const applyKernel = (input: tf.Tensor, kernel: tf.Tensor) =>
    isDilated(layer)
      ? channelsLast(convolve(layer, input, kernel), layer.dataFormat)
      : applyBase(layer, base, input, kernel, kwargs);
  const plain = applyKernel(x, kernelOf(layer));
  const output = sideAdapters(layer).reduce(
    (sum, adapter) => tf.add(sum, sideTerm(layer, adapter, x, plain, applyKernel, kwargs)),
    plain,
  );
  return finish(layer, ownLayout(output, layer.dataFormat));
}

/** What the base makes of x with another kernel: no bias, no activation, channels last. */
function applyBase(
  layer: LoraLayer,
  base: BaseCall,
  x: tf.Tensor,
  kernel: tf.Tensor,
  kwargs: Kwargs,
): tf.Tensor {
  const { bias, useBias, activation } = layer;
  Object.assign(layer, { bias: null, useBias: false, activation: linear });
  try {
    const output = withValues([kernelWeight(layer)], [kernel], () => base(x, kwargs));
    return channelsLast(oneOf(output), layer.dataFormat);
  } finally {
    Object.assign(layer, { bias, useBias, activation });
  }
}

function convolve(
  { dataFormat, padding, dilationRate }: LoraLayer,
  x: tf.Tensor,
  kernel: tf.Tensor,
): tf.Tensor {
  const rates = [dilationRate ?? 1].flat();
  const output = dilatedConv(channelsLast(x, dataFormat), kernel, padding as 'valid' | 'same', rates);
  return ownLayout(output, dataFormat);
}

function finish({ bias, activation, dataFormat }: LoraLayer, output: tf.Tensor): tf.Tensor {
  const sum = bias ? tf.add(output, perChannel(bias.read(), output.rank, dataFormat)) : output;
  return activation ? activation.apply(sum) : sum;
}

/** What an adapter adds to the output before the bias, channels last. */
function sideTerm(
  layer: LoraLayer,
  adapter: LayerAdapter,
  input: tf.Tensor,
  plain: tf.Tensor,
  applyKernel: (x: tf.Tensor, kernel: tf.Tensor) => tf.Tensor,
  kwargs: Kwargs,
): tf.Tensor {
  const { a, b, initialA, initialB, dropout, magnitude } = adapter;
  const kind = layer.kind!;
  const scale = adapter.scale as unknown as tf.Scalar;
  const x = dropout ? (dropout.apply(input, kwargs) as tf.Tensor) : input;
  const path = (a: tf.LayerVariable, b: tf.LayerVariable) =>
    kind.path!({ a: a.read(), b: b.read(), scale, x, applyKernel: (kernel) => applyKernel(x, kernel) });
  const term = initialA ? tf.sub(path(a!, b!), path(initialA, initialB!)) : path(a!, b!);
  if (!magnitude) return term;
  const kernel = kernelOf(layer);
  // As PEFT: what dropout leaves of the input is turned as a whole.
  const turned = dropout && kwargs.training ? applyKernel(x, kernel) : plain;
  return doraTerm(kind, kernel, adapter, lowRankUpdate(kind, adapter, kernel.shape), turned, term);
}

/**
 * Adapters that add to the output. Those that are off add zero on native TensorFlow, where the call may be recorded
 * as a graph that outlives their being off; elsewhere they are left out, since there the sum would round otherwise.
 */
function sideAdapters(layer: LoraLayer): LayerAdapter[] {
  if (isInKernel(layer)) return [];
  const all = [...layer.adapters.values()].filter(({ a }) => a);
  return tf.getBackend() === 'tensorflow' ? all : all.filter(({ settings }) => layer.isOn(settings));
}

function isReplaced(layer: LoraLayer, name: string): boolean {
  const updated = layer.kind && name === kernelName(layer.kind) && isInKernel(layer);
  return [...layer.adapters.values()].some(
    ({ a, trainedCopies }) => trainedCopies.has(name) || (updated && a),
  );
}

function kernelWeight({ baseWeights, kind }: LoraLayer): tf.LayerVariable {
  return baseWeights.get(kernelName(kind!))!;
}

const kernelOf = (layer: LoraLayer): tf.Tensor => kernelWeight(layer).read();

const oneOf = (tensors: Inputs): tf.Tensor => (Array.isArray(tensors) ? tensors[0]! : tensors);
