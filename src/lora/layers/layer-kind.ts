import type * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';

/** The kind of low-rank update for each method that a layer supports. */
export type KindsByMethod = Partial<Record<LoraMethod, LayerKind>>;

/**
 * How A and B update one sort of kernel, such as that of a 2-D convolution: A maps the inputs to r dimensions, B maps these
 * to the outputs. In a convolution, kernel, A and B have more than two axes. Such a kernel is read as a matrix
 * [inputs, outputs], where inputs are all values that one output is computed from. The kinds are in kinds.ts and matrices.ts.
 */
export interface LayerKind {
  readonly name:
    | 'dense'
    | 'dense-view'
    | 'conv1d'
    | 'conv2d'
    | 'conv3d'
    | 'depthwise'
    | 'separable'
    | 'embedding'
    | 'matrix'
    | 'matrices';
  /** Name of the layer's weight that is updated. */
  readonly kernelName: string;
  /** Sides of the kernel as a matrix. The rank of A·B is at most the smaller one. */
  matrixShape(kernelShape: readonly number[]): { readonly inputs: number; readonly outputs: number };
  /** Shapes of A and B: [in, r] and [r, out] for a dense layer. */
  factorShapes(kernelShape: readonly number[], rank: number): { readonly a: number[]; readonly b: number[] };
  /** Returns A·B in the kernel's shape, for A and B in the shapes of `factorShapes`; float32. */
  product(a: tf.Tensor, b: tf.Tensor, kernelShape: readonly number[]): tf.Tensor;
  /**
   * Returns s·(x·A)·B [batch, ..., out], channels last, without computing A·B. Absent if that is not possible: the update is
   * then added to the kernel.
   */
  lowRankForward?(input: LowRankInput): tf.Tensor;
  /** Returns the kernel as the matrix [inputs, outputs], if that is not just another shape for the same values. */
  toMatrix?(kernel: tf.Tensor): tf.Tensor2D;
  /** Axes of the kernel to sum over for the norm of each output, which DoRA needs. Absent if it does not support DoRA. */
  readonly normAxes?: readonly number[];
}

/** Input of `LayerKind.lowRankForward`. */
export interface LowRankInput {
  /** A and B in the shapes of `factorShapes`. */
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  /** s = strength · alpha / r */
  readonly scale: tf.Scalar;
  /** The layer's input after dropout. */
  readonly x: tf.Tensor;
  /** Applies the layer to `x` with another kernel, without bias and activation. Returns channels last. */
  readonly applyKernel: (kernel: tf.Tensor) => tf.Tensor;
}
