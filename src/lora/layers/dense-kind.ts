import * as tf from '@tensorflow/tfjs';
import type { LayerKind } from './kind.ts';

/** Kernel [in, out], A [in, rank], B [rank, out]. Inputs of any rank from 2 up. */
export const denseKind: LayerKind = {
  name: 'dense',
  kernel: 'kernel',
  sides: ([inputs, outputs]) => ({ inputs: inputs!, outputs: outputs! }),
  factorShapes: ([inputs, outputs], rank) => ({ a: [inputs!, rank], b: [rank, outputs!] }),
  update: (a, b) => tf.matMul(a, b),
  path: (_layer, x, a, b, scale) => {
    const rows = x.rank === 2 ? x : x.reshape([-1, a.shape[0]!]);
    const down = tf.mul(tf.matMul(rows, a), scale); // [rows, rank]
    const up = tf.matMul(down, b); // [rows, out]
    return x.rank === 2 ? up : up.reshape([...x.shape.slice(0, -1), b.shape[1]!]);
  },
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
