import * as tf from '@tensorflow/tfjs';
import { matrixProduct, narrowPath, onChannels } from './dense-kind.ts';
import type { KindName, LayerKind } from './kind.ts';

/**
 * Kernel [...window, in, out], A [...window, in, rank]: the same convolution into `rank` channels;
 * B [1.., rank, out] mixes those at each position.
 */
function convKind(name: KindName, kernel: LayerKind['kernel'], window: number): LayerKind {
  return {
    name,
    kernel,
    sides: (shape) => ({ inputs: tf.util.sizeFromShape(shape.slice(0, -1)), outputs: shape.at(-1)! }),
    factorShapes: (shape, rank) => ({
      a: [...shape.slice(0, -1), rank],
      b: [...new Array<number>(window).fill(1), rank, shape.at(-1)!],
    }),
    update: (a, b, shape) => matrixProduct(a, b).reshape([...shape]),
    path: narrowPath,
    normAxes: Array.from({ length: window + 1 }, (_, axis) => axis),
  };
}

export const conv1dKind = convKind('conv1d', 'kernel', 1);
export const conv2dKind = convKind('conv2d', 'kernel', 2);
export const conv3dKind = convKind('conv3d', 'kernel', 3);
/** The pointwise part; the depthwise one stays as it is. */
export const separableKind = convKind('separable', 'pointwiseKernel', 2);

/**
 * Kernel [height, width, in, multiplier] as the matrix [height·width, in·multiplier]: A [height, width, rank] holds
 * filters that all channels share, B [rank, in, multiplier] says how much of each a channel takes.
 */
export const depthwiseKind: LayerKind = {
  name: 'depthwise',
  kernel: 'depthwiseKernel',
  sides: ([height, width, inputs, multiplier]) => ({
    inputs: height! * width!,
    outputs: inputs! * multiplier!,
  }),
  factorShapes: ([height, width, inputs, multiplier], rank) => ({
    a: [height!, width!, rank],
    b: [rank, inputs!, multiplier!],
  }),
  update: (a, b, shape) => matrixProduct(a, b).reshape([...shape]),
};

/** Table [vocabulary, out], A [vocabulary, rank], B [rank, out]; x holds row numbers. */
export const embeddingKind: LayerKind = {
  name: 'embedding',
  kernel: 'embeddings',
  sides: ([inputs, outputs]) => ({ inputs: inputs!, outputs: outputs! }),
  factorShapes: ([inputs, outputs], rank) => ({ a: [inputs!, rank], b: [rank, outputs!] }),
  update: (a, b) => tf.matMul(a, b),
  path: ({ a, b, scale, x }) => {
    const rows = tf.gather(a, tf.cast(x, 'int32').flatten()); // [positions, rank]
    return onChannels(tf.mul(rows, scale), b).reshape([...x.shape, b.shape[1]!]);
  },
};
