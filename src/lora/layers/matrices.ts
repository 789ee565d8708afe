import * as tf from '@tensorflow/tfjs';
import type { LayerKind } from './layer-kind.ts';

/** The axes of a kernel that its matrices have for inputs and outputs, and those over which there are several matrices. */
export interface MatrixAxes {
  readonly kernelName: string;
  readonly batch: readonly number[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Returns the kind of a kernel whose axes form one matrix or several: a transposed matrix, the kernel of an einsum,
 * or matrices stacked along a batch axis. The update is always added to the kernel, also with method `side`.
 *
 * One matrix: A [inputs, r], B [r, outputs]. Several: A [matrices, inputs, r], B [matrices, r, outputs], where
 * each size is the product of the axes.
 */
export function matricesKind({ kernelName, batch, inputs, outputs }: MatrixAxes): LayerKind {
  const order = [...batch, ...inputs, ...outputs];
  const inverse = order.map((_, axis) => order.indexOf(axis));
  const size = (shape: readonly number[], axes: readonly number[]) =>
    axes.reduce((product, axis) => product * shape[axis]!, 1);
  const stack = (shape: readonly number[]) => (batch.length > 0 ? [size(shape, batch)] : []);
  return {
    name: batch.length > 0 ? 'matrices' : 'matrix',
    kernelName,
    matrixShape: (shape) => ({ inputs: size(shape, inputs), outputs: size(shape, outputs) }),
    factorShapes: (shape, rank) => ({
      a: [...stack(shape), size(shape, inputs), rank],
      b: [...stack(shape), rank, size(shape, outputs)],
    }),
    product: (a, b, shape) =>
      tf.transpose(
        tf.reshape(
          tf.matMul(a, b),
          order.map((axis) => shape[axis]!),
        ),
        inverse,
      ),
    normAxes: inputs,
    toMatrix: (kernel) =>
      tf.reshape(tf.transpose(kernel, order), [size(kernel.shape, [...batch, ...inputs]), -1]) as tf.Tensor2D,
  };
}
