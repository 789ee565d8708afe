/**
 * The forward pass of a LoRA layer (Hu et al. 2021, arXiv:2106.09685, eq. 3):
 *
 *   y = act(W x + b + sum_i s_i B_i A_i dropout(x))
 *
 *   x [batch, ..., in]   W [in, out]   b [out]   A [in, r]   B [r, out]   s = strength * alpha / r
 *
 * tfjs multiplies from the right, so the code computes x·W and s·(x·A)·B. In a convolution, A is the kernel of the same
 * convolution into r channels, and B mixes these channels at each position.
 *
 * The base class itself computes x·W and x·A: `applyKernel` runs its `call` with another kernel in place of W and
 * without bias and activation. This way every stride, padding, dilation and data format of the base works.
 *
 * With method 'weight' (and for kinds that need it) the base class computes act(x·(W + s·A·B) + b) instead.
 */
import * as tf from '@tensorflow/tfjs';
import { completeWasmKernels } from '../../kernels/index.ts';
import { fromChannelsLast, perChannel, toChannelsLast } from '../math/layout.ts';
import type { KernelUpdate, LayerAdapter } from './adapter.ts';
import { doraTerm, isAddedToKernel, isReplaced, updateProduct, weightInCall } from './delta-weight.ts';
import type { LayerKind } from './layer-kind.ts';
import type { BaseLayer, LoraLayer } from './lora-layer.ts';

/** Keyword arguments of a layer's `call`, such as `training`. */
export type Kwargs = Record<string, unknown>;
/** Inputs and outputs of a layer's `call`. */
export type CallInputs = tf.Tensor | tf.Tensor[];

/** One call of a LoRA layer. */
export interface LayerCall {
  readonly layer: LoraLayer;
  /** `call` of the base class. */
  readonly baseCall: (inputs: CallInputs, kwargs: Kwargs) => CallInputs;
  readonly inputs: CallInputs;
  readonly kwargs: Kwargs;
}

/**
 * Computes the outputs of a LoRA layer with its active adapters. Leaves intermediate tensors for the caller's `tidy`.
 *
 * @returns y [batch, ..., out] in the layer's data format
 */
export function forward(call: LayerCall): CallInputs {
  const { layer } = call;
  // Not on import, because in a browser the backend may be imported after this library.
  if (tf.getBackend() === 'wasm') completeWasmKernels();
  const replaced = [...layer.baseWeights].filter(([name]) => isReplaced(layer, name));
  const values = replaced.map(([name]) => weightInCall(layer, name));
  const weights = replaced.map(([, weight]) => weight);
  const branches = sideBranches(layer);
  return withWeightValues(weights, values, () =>
    branches.length > 0 ? forwardWithBranches(call, branches) : forwardBase(call),
  );
}

/** An update that is computed as a parallel branch. */
interface SideBranch {
  readonly adapter: LayerAdapter;
  readonly update: KernelUpdate;
}

/** Computes act(W x + b + sum_i s_i B_i A_i dropout(x)). */
function forwardWithBranches(call: LayerCall, branches: readonly SideBranch[]): tf.Tensor {
  const { layer } = call;
  const x = single(call.inputs);
  // A layer has at most one kernel whose update can be a parallel branch.
  const { kind } = branches[0]!.update;
  const wx = applyKernel(call, kind, x, kernelOf(layer, kind)); // [batch, ..., out], channels last
  const sum = branches.reduce((total, branch) => tf.add(total, loraTerm(call, branch, x, wx)), wx);
  return addBiasAndActivate(layer, fromChannelsLast(sum, layer.dataFormat));
}

/** Returns s B A dropout(x) [batch, ..., out], channels last; for DoRA, what it adds to W x. */
function loraTerm(
  call: LayerCall,
  { adapter, update }: SideBranch,
  inputs: tf.Tensor,
  wx: tf.Tensor,
): tf.Tensor {
  const { layer, kwargs } = call;
  const { dropout } = adapter;
  const { kind, a, b, initialA, initialB } = update;
  const x = dropout ? (dropout.apply(inputs, kwargs) as tf.Tensor) : inputs;
  const lowRankForward = (factorA: tf.LayerVariable, factorB: tf.LayerVariable) =>
    kind.lowRankForward!({
      a: factorA.read(),
      b: factorB.read(),
      scale: adapter.scale,
      x,
      applyKernel: (kernel) => applyKernel(call, kind, x, kernel),
    });
  const lora = initialA
    ? tf.sub(lowRankForward(a, b), lowRankForward(initialA, initialB!))
    : lowRankForward(a, b);
  if (!update.magnitude) return lora;
  const kernel = kernelOf(layer, kind);
  return doraTerm({
    adapter,
    update,
    kernel,
    product: updateProduct(update, kernel.shape),
    // As in PEFT, the rescaled x·W has the dropout as well.
    base: dropout && kwargs.training ? applyKernel(call, kind, x, kernel) : wx,
    lora,
  });
}

/**
 * Computes the base layer. Its frozen parts run as in inference, also during training. A dilated convolution is computed
 * here, because tfjs fuses it with the bias, and the fused kernel has no gradient.
 */
function forwardBase({ layer, baseCall, inputs, kwargs }: LayerCall): CallInputs {
  if (layer.getClassName() === 'LoraBatchNormalization')
    return baseCall(inputs, { ...kwargs, training: false });
  if (!isDilated(layer)) return baseCall(inputs, kwargs);
  const kernel = layer.baseWeights.get('kernel')!.read();
  const output = convolveDilated(layer, single(inputs), kernel);
  return addBiasAndActivate(layer, fromChannelsLast(output, layer.dataFormat));
}

/** Applies the base layer with another kernel, without bias and activation. Returns channels last. */
function applyKernel(
  { layer, baseCall, kwargs }: LayerCall,
  { kernelName }: LayerKind,
  x: tf.Tensor,
  kernel: tf.Tensor,
): tf.Tensor {
  if (isDilated(layer)) return convolveDilated(layer, x, kernel);
  const { bias, useBias, activation } = layer;
  Object.assign(layer, { bias: null, useBias: false, activation: linear });
  try {
    const output = withWeightValues([layer.baseWeights.get(kernelName)!], [kernel], () =>
      baseCall(x, kwargs),
    );
    return toChannelsLast(single(output), layer.dataFormat);
  } finally {
    Object.assign(layer, { bias, useBias, activation });
  }
}

/** Used instead of no activation, because tfjs' dense and convolution layers require one. */
const linear = (tf.layers.activation({ activation: 'linear', name: 'lora_linear' }) as BaseLayer).activation!;

/** Returns channels last, for `x` in the layer's data format. tfjs does not allow strides together with dilation. */
function convolveDilated(
  { dataFormat, padding, dilationRate }: LoraLayer,
  x: tf.Tensor,
  kernel: tf.Tensor,
): tf.Tensor {
  const rates = [dilationRate ?? 1].flat();
  const [input, pad] = [toChannelsLast(x, dataFormat), padding as 'valid' | 'same'];
  if (kernel.rank === 3)
    return tf.conv1d(input as tf.Tensor3D, kernel as tf.Tensor3D, 1, pad, 'NWC', rates[0]);
  return tf.conv2d(input as tf.Tensor4D, kernel as tf.Tensor4D, 1, pad, 'NHWC', rates as [number, number]);
}

/** Whether a layer is a dilated convolution over one or two dimensions. */
function isDilated(layer: LoraLayer): boolean {
  if (!['LoraConv1D', 'LoraConv2D'].includes(layer.getClassName())) return false;
  return [layer.dilationRate ?? 1].flat().some((rate) => rate > 1);
}

function addBiasAndActivate({ bias, activation, dataFormat }: LoraLayer, output: tf.Tensor): tf.Tensor {
  const sum = bias ? tf.add(output, perChannel(bias.read(), output.rank, dataFormat)) : output;
  return activation ? activation.apply(sum) : sum;
}

/** Runs `compute` while reading `weights` returns `values`. */
function withWeightValues<T>(
  weights: readonly tf.LayerVariable[],
  values: readonly tf.Tensor[],
  compute: () => T,
): T {
  const replacedRead = weights.map((weight) => Object.getOwnPropertyDescriptor(weight, 'read'));
  weights.forEach((weight, index) => {
    weight.read = () => values[index] as tf.Variable;
  });
  try {
    return compute();
  } finally {
    weights.forEach((weight, index) => {
      const read = replacedRead[index];
      if (read) Object.defineProperty(weight, 'read', read);
      else delete (weight as Partial<tf.LayerVariable>).read;
    });
  }
}

/**
 * Returns the updates to compute as parallel branches. On native TensorFlow this includes adapters that are off, which
 * add zero: the call may be recorded as a graph that is still used after they are turned on. On other backends they are
 * left out, so that the output is exactly that of the base.
 */
function sideBranches(layer: LoraLayer): SideBranch[] {
  const branches = [...layer.adapters.values()].flatMap((adapter) =>
    [...adapter.updates.values()].map((update) => ({ adapter, update })),
  );
  return branches.filter(
    ({ adapter, update }) =>
      !isAddedToKernel(layer, update) && (tf.getBackend() === 'tensorflow' || layer.isOn(adapter.settings)),
  );
}

const kernelOf = ({ baseWeights }: LoraLayer, { kernelName }: LayerKind): tf.Tensor =>
  baseWeights.get(kernelName)!.read();

const single = (tensors: CallInputs): tf.Tensor => (Array.isArray(tensors) ? tensors[0]! : tensors);
