/**
 * Kernels that tfjs' portable backends lack or compute wrongly (version 4.22), so that models train on WebAssembly as they
 * do on native TensorFlow. They are loops over typed arrays, which are faster here than many small ops, and for the
 * filter of a convolution the backend's matrix product. Importing this file registers what is missing.
 */
import * as tf from '@tensorflow/tfjs';
import { conv2dBackpropFilter, depthwiseBackpropFilter, depthwiseBackpropInput } from './convolutions.ts';
import { einsum } from './einsum.ts';
import { onCpu } from './on-cpu.ts';
import { avgPoolGrad, maxPoolGrad } from './pooling.ts';
import { withLargeStrides } from './same-padding.ts';
import { unsortedSegmentSum } from './segment-sum.ts';

export { completedGradients, completeGradients } from './gradients.ts';

/** A kernel's function: named inputs and attributes to one output. */
type Compute = (inputs: never, attributes: never) => tf.Tensor;

const composed =
  (compute: Compute): tf.KernelFunc =>
  ({ inputs, attrs }) =>
    tf.tidy(() => compute(inputs as never, attrs as never));

/** Kernels that the wasm backend does not have. */
const missing: Readonly<Record<string, tf.KernelFunc>> = {
  Conv2DBackpropFilter: composed(conv2dBackpropFilter),
  DepthwiseConv2dNativeBackpropFilter: composed(depthwiseBackpropFilter),
  DepthwiseConv2dNativeBackpropInput: composed(depthwiseBackpropInput),
  UnsortedSegmentSum: composed(unsortedSegmentSum),
  Einsum: composed(einsum),
};

/**
 * Kernels that replace those of the wasm backend, each created from the original. The gradients of the backend's 3-D
 * convolutions are wrong with strides and with respect to the input. Its 3-D max pooling treats values below 0 as 0.
 */
const replaced: Readonly<Record<string, (original: tf.KernelFunc) => tf.KernelFunc>> = {
  Conv2D: (original) => withLargeStrides(original, false),
  FusedConv2D: (original) => withLargeStrides(original, false),
  DepthwiseConv2dNative: (original) => withLargeStrides(original, true),
  FusedDepthwiseConv2D: (original) => withLargeStrides(original, true),
  MaxPoolGrad: () => composed(maxPoolGrad),
  AvgPoolGrad: () => composed(avgPoolGrad),
  ...Object.fromEntries(
    ['MaxPool3D', 'MaxPool3DGrad', 'Conv3DBackpropFilterV2', 'Conv3DBackpropInputV2'].map((name) => [
      name,
      () => onCpu(name),
    ]),
  ),
};

/** The kernels that this file has registered in place of others. */
const replacements = new WeakSet<tf.KernelFunc>();

/** Replaces a kernel if the backend has it and it is not replaced yet. */
function replaceKernel(
  kernelName: string,
  backendName: string,
  replace: (original: tf.KernelFunc) => tf.KernelFunc,
): void {
  const kernel = tf.getKernel(kernelName, backendName);
  if (!kernel || replacements.has(kernel.kernelFunc)) return;
  const kernelFunc = replace(kernel.kernelFunc);
  replacements.add(kernelFunc);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...kernel, kernelFunc });
}

/**
 * Completes and corrects the kernels of the wasm backend. Does nothing if called again. Call it after the package of the
 * backend is imported: before, there is nothing to correct.
 */
export function completeWasmKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(missing)) {
    if (!tf.getKernel(kernelName, 'wasm')) tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
  }
  for (const [kernelName, replace] of Object.entries(replaced)) replaceKernel(kernelName, 'wasm', replace);
}

completeWasmKernels();
replaceKernel('AvgPoolGrad', 'cpu', () => composed(avgPoolGrad)); // plain JavaScript
