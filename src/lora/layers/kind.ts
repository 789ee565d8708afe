import type * as tf from '@tensorflow/tfjs';

/** The names by which layer kinds are shown and saved. */
export type KindName =
  | 'dense'
  | 'dense-view'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'depthwise'
  | 'separable'
  | 'embedding';

/** What tfjs' layers have beside the public part of `tf.layers.Layer`. */
export interface BaseLayer extends tf.layers.Layer {
  bias?: tf.LayerVariable | null;
  useBias?: boolean;
  activation?: { apply(x: tf.Tensor): tf.Tensor } | null;
  readonly dataFormat?: 'channelsFirst' | 'channelsLast';
  readonly padding?: 'valid' | 'same' | 'causal';
  readonly strides?: readonly number[];
  readonly dilationRate?: number | readonly number[];
}

/** What the low-rank path of a call is computed from. */
export interface PathFactors {
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  readonly scale: tf.Scalar;
  /** The layer's input. */
  readonly x: tf.Tensor;
  /** What the layer makes of its input with another kernel: without bias and activation, channels last. */
  readonly applyKernel: (kernel: tf.Tensor) => tf.Tensor;
}

/** The low-rank update of one kind of kernel. A maps inputs to the rank, B the rank to outputs. */
export interface LayerKind {
  readonly name: KindName;
  /** The property of the layer that holds the kernel. */
  readonly kernel: 'kernel' | 'depthwiseKernel' | 'pointwiseKernel' | 'embeddings';
  /** Sides of the kernel as a matrix; the rank cannot exceed the smaller one. */
  sides(kernelShape: readonly number[]): { readonly inputs: number; readonly outputs: number };
  factorShapes(kernelShape: readonly number[], rank: number): { readonly a: number[]; readonly b: number[] };
  /** A·B in the kernel's shape. */
  update(a: tf.Tensor, b: tf.Tensor, kernelShape: readonly number[]): tf.Tensor;
  /** scale·(x·A)·B with channels last; absent where the kernel itself has to be changed. */
  path?(factors: PathFactors): tf.Tensor;
  /** Axes of the kernel over which DoRA takes the norm of an output; absent where DoRA is not defined. */
  readonly normAxes?: readonly number[];
}
