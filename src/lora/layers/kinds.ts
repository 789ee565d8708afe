/**
 * The kinds of low-rank update, one for each sort of kernel: that of a dense layer, of a 2-D convolution, of an embedding.
 * See `LayerKind`; kernels.ts assigns them to the weights of layers.
 */
import * as tf from '@tensorflow/tfjs';
import type { KindsByMethod, LayerKind, LowRankInput } from './layer-kind.ts';

/** Kernel [in, out], A [in, r], B [r, out]. The layer's input is [batch, ..., in]. */
export const denseKind: LayerKind = {
  name: 'dense',
  kernelName: 'kernel',
  matrixShape: ([inputs, outputs]) => ({ inputs: inputs!, outputs: outputs! }),
  factorShapes: ([inputs, outputs], rank) => ({ a: [inputs!, rank], b: [rank, outputs!] }),
  product: (a, b) => tf.matMul(a, b),
  lowRankForward,
  normAxes: [0],
};

/**
 * Method 1 of the published experiment: A [r, out] random, B [in, r] zero. B·A [in, out] is reshaped (PyTorch's `view`)
 * to PyTorch's kernel shape [out, in] instead of transposed. This moves its entries, so the update is not of low rank.
 */
export const denseViewKind: LayerKind = {
  name: 'dense-view',
  kernelName: 'kernel',
  matrixShape: denseKind.matrixShape,
  factorShapes: ([inputs, outputs], rank) => ({ a: [rank, outputs!], b: [inputs!, rank] }),
  product: (a, b, [inputs, outputs]) => tf.matMul(b, a).reshape([outputs!, inputs!]).transpose(),
};

/**
 * A convolution: kernel [...window, in, out], A [...window, in, r], B [1, ..., r, out] with as many axes as the kernel.
 *
 * @param windowAxes number of spatial axes: 1 for conv1d, 2 for conv2d
 */
function convKind(
  name: LayerKind['name'],
  kernelName: LayerKind['kernelName'],
  windowAxes: number,
): LayerKind {
  return {
    name,
    kernelName,
    matrixShape: (shape) => ({
      inputs: tf.util.sizeFromShape(shape.slice(0, -1)),
      outputs: shape.at(-1)!,
    }),
    factorShapes: (shape, rank) => ({
      a: [...shape.slice(0, -1), rank],
      b: [...new Array<number>(windowAxes).fill(1), rank, shape.at(-1)!],
    }),
    product: (a, b, shape) => matrixProduct(a, b).reshape([...shape]),
    lowRankForward,
    normAxes: Array.from({ length: windowAxes + 1 }, (_, axis) => axis),
  };
}

export const conv1dKind = convKind('conv1d', 'kernel', 1);
export const conv2dKind = convKind('conv2d', 'kernel', 2);
export const conv3dKind = convKind('conv3d', 'kernel', 3);
/** Updates only the pointwise kernel [1, 1, in * multiplier, out]; the depthwise kernel stays frozen. */
export const separableKind = convKind('separable', 'pointwise_kernel', 2);

/**
 * The kernel [height, width, in, multiplier] is treated as the matrix [height * width, in * multiplier]. A [height,
 * width, r] contains r spatial filters shared by all channels; B [r, in, multiplier] contains each channel's weight for
 * each filter. The update is always added to the kernel, also with method `side`.
 */
export const depthwiseKind: LayerKind = {
  name: 'depthwise',
  kernelName: 'depthwise_kernel',
  matrixShape: ([height, width, inputs, multiplier]) => ({
    inputs: height! * width!,
    outputs: inputs! * multiplier!,
  }),
  factorShapes: ([height, width, inputs, multiplier], rank) => ({
    a: [height!, width!, rank],
    b: [rank, inputs!, multiplier!],
  }),
  product: (a, b, shape) => matrixProduct(a, b).reshape([...shape]),
  normAxes: [0, 1],
};

/** Embeddings [vocabulary, out], A [vocabulary, r], B [r, out]. The layer's input contains indices into the vocabulary. */
export const embeddingKind: LayerKind = {
  ...denseKind,
  name: 'embedding',
  kernelName: 'embeddings',
  lowRankForward: ({ a, b, scale, x }) => {
    const rows = tf.gather(a, tf.cast(x, 'int32').flatten()); // [positions, r]
    return multiplyLastAxis(tf.mul(rows, scale), b).reshape([...x.shape, b.shape[1]!]);
  },
};

/** Returns s·(x·A)·B [batch, ..., out]: runs the layer with A as its kernel, then multiplies the last axis by B. */
function lowRankForward({ a, b, scale, applyKernel }: LowRankInput): tf.Tensor {
  const down = tf.mul(applyKernel(a), scale); // [batch, ..., r]: the smallest tensor to scale
  return multiplyLastAxis(down, b);
}

/**
 * Returns x·B over the last axis of x.
 *
 * @param x [batch, ..., r]
 * @param b [r, out], or [1, ..., r, out]
 * @returns [batch, ..., out]
 */
function multiplyLastAxis(x: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const rank = x.shape.at(-1)!;
  const matrix = b.rank === 2 ? b : b.reshape([rank, -1]);
  if (x.rank === 2) return tf.matMul(x as tf.Tensor2D, matrix as tf.Tensor2D);
  return tf.matMul(x.reshape([-1, rank]), matrix).reshape([...x.shape.slice(0, -1), matrix.shape[1]!]);
}

/**
 * Returns A·B as a matrix [inputs, outputs].
 *
 * @param a [..., r]
 * @param b [r, ...], or [1, ..., r, out]
 */
function matrixProduct(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const rank = a.shape.at(-1)!;
  return tf.matMul(a.reshape([-1, rank]), b.reshape([rank, -1]));
}

/** The same kind for the two methods that compute the same function. */
export const sideOrWeight = (kind: LayerKind): KindsByMethod => ({ side: kind, weight: kind });

/** The kinds for nodes of a GraphModel, by op. All updates are added to the kernel. */
export const kindsByOp = {
  dense: { ...sideOrWeight(addedToKernel(denseKind)), 'weight-view': denseViewKind },
  conv2d: sideOrWeight(addedToKernel(conv2dKind)),
  conv3d: sideOrWeight(addedToKernel(conv3dKind)),
  depthwise: sideOrWeight(depthwiseKind),
  embedding: sideOrWeight(addedToKernel(embeddingKind)),
} satisfies Record<string, KindsByMethod>;

/** Returns the kind without its parallel branch, so that its update is added to the kernel also with method `side`. */
export function addedToKernel({ lowRankForward: _, ...kind }: LayerKind): LayerKind {
  return kind;
}
