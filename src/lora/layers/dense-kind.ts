import * as tf from '@tensorflow/tfjs';
import type { LayerKind, PathFactors } from './kind.ts';

/** Kernel [in, out], A [in, rank], B [rank, out]. Inputs of any rank from 2 up. */
export const denseKind: LayerKind = {
  name: 'dense',
  kernel: 'kernel',
  sides: ([inputs, outputs]) => ({ inputs: inputs!, outputs: outputs! }),
  factorShapes: ([inputs, outputs], rank) => ({ a: [inputs!, rank], b: [rank, outputs!] }),
  update: (a, b) => tf.matMul(a, b),
  path: narrowPath,
  normAxes: [0],
};

/**
 * The published walk-through's first method: A [rank, out] random, B [in, rank] zero, and B·A, [in, out], **viewed**
 * in PyTorch's [out, in], which scrambles it: the update is not of low rank.
 */
export const denseViewKind: LayerKind = {
  name: 'dense-view',
  kernel: 'kernel',
  sides: denseKind.sides,
  factorShapes: ([inputs, outputs], rank) => ({ a: [rank, outputs!], b: [inputs!, rank] }),
  update: (a, b, [inputs, outputs]) => tf.matMul(b, a).reshape([outputs!, inputs!]).transpose(),
};

/** A·B for factors whose last (A) and first long (B) sides are the rank, as a matrix [inputs, outputs]. */
export function matrixProduct(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const rank = a.shape.at(-1)!;
  return tf.matMul(a.reshape([-1, rank]), b.reshape([rank, -1]));
}

/** The layer with A for its kernel, scaled while it is `rank` wide, then B on the channels. */
export function narrowPath({ a, b, scale, applyKernel }: PathFactors): tf.Tensor {
  const down = tf.mul(applyKernel(a), scale); // [..., rank]
  return onChannels(down, b);
}

/** x·B over the last axis of x. */
export function onChannels(x: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const rank = x.shape.at(-1)!;
  const matrix = b.rank === 2 ? b : b.reshape([rank, -1]);
  if (x.rank === 2) return tf.matMul(x as tf.Tensor2D, matrix as tf.Tensor2D);
  return tf.matMul(x.reshape([-1, rank]), matrix).reshape([...x.shape.slice(0, -1), matrix.shape[1]!]);
}
