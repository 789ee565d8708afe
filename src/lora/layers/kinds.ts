/**
 * The kinds of low-rank update. A kind describes, for one sort of kernel (that of a dense layer, a 2-D convolution, an
 * embedding), which shapes A and B have and how they change the layer's output; see `LayerKind`. `kernelsOf` lists the
 * kernels of a layer with their kinds.
 */
import * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';
import type { KindsByMethod, LayerKind, LowRankInput } from './layer-kind.ts';
import { type BaseLayer, baseClassOf, baseWeightsOf } from './lora-layer.ts';
import { matricesKind } from './matrices.ts';

/** Kernel [in, out], A [in, r], B [r, out]. The layer's input is [batch, ..., in]. */
const denseKind: LayerKind = {
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
const denseViewKind: LayerKind = {
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

const conv1dKind = convKind('conv1d', 'kernel', 1);
const conv2dKind = convKind('conv2d', 'kernel', 2);
const conv3dKind = convKind('conv3d', 'kernel', 3);
/** Updates only the pointwise kernel [1, 1, in * multiplier, out]; the depthwise kernel stays frozen. */
const separableKind = convKind('separable', 'pointwise_kernel', 2);

/**
 * The kernel [height, width, in, multiplier] is treated as the matrix [height * width, in * multiplier]. A [height,
 * width, r] contains r spatial filters shared by all channels; B [r, in, multiplier] contains each channel's weight for
 * each filter. The update is always added to the kernel, also with method `side`.
 */
const depthwiseKind: LayerKind = {
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
const embeddingKind: LayerKind = {
  name: 'embedding',
  kernelName: 'embeddings',
  matrixShape: ([inputs, outputs]) => ({ inputs: inputs!, outputs: outputs! }),
  factorShapes: ([inputs, outputs], rank) => ({ a: [inputs!, rank], b: [rank, outputs!] }),
  product: (a, b) => tf.matMul(a, b),
  lowRankForward: ({ a, b, scale, x }) => {
    const rows = tf.gather(a, tf.cast(x, 'int32').flatten()); // [positions, r]
    return multiplyLastAxis(tf.mul(rows, scale), b).reshape([...x.shape, b.shape[1]!]);
  },
  normAxes: [0],
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

const sideOrWeight = (kind: LayerKind): KindsByMethod => ({ side: kind, weight: kind });

/**
 * The tfjs layer classes with at most one kernel to update, with the kind of low-rank update per method. Classes without a
 * kind get no A and B by default.
 */
const KINDS_BY_CLASS: Readonly<Record<string, KindsByMethod>> = {
  Dense: { ...sideOrWeight(denseKind), 'weight-view': denseViewKind },
  Conv1D: sideOrWeight(conv1dKind),
  Conv2D: sideOrWeight(conv2dKind),
  Conv3D: sideOrWeight(conv3dKind),
  SeparableConv2D: sideOrWeight(separableKind),
  DepthwiseConv2D: sideOrWeight(depthwiseKind),
  Embedding: sideOrWeight(embeddingKind),
  Conv2DTranspose: {},
  BatchNormalization: {},
  LayerNormalization: {},
  PReLU: {},
};

/** Recurrent layers, and the layers around cells and recurrent layers. */
const RECURRENT_CLASSES = ['SimpleRNN', 'LSTM', 'GRU', 'ConvLSTM2D', 'RNN', 'Bidirectional'];

/** The tfjs layer classes whose LoRA form is registered in tfjs under a name of its own. */
export const KNOWN_CLASSES: readonly string[] = [...Object.keys(KINDS_BY_CLASS), ...RECURRENT_CLASSES];

/** Returns the names of the classes that get A and B with `method` by default. */
export function classesWithKernels(method: LoraMethod): string[] {
  const classes = Object.entries(KINDS_BY_CLASS).flatMap(([name, kinds]) => (kinds[method] ? [name] : []));
  return method === 'weight-view' ? classes : [...classes, ...RECURRENT_CLASSES];
}

/**
 * Returns the kernels of a layer that adapters update by default, with their kinds by name. Empty if the layer's class has
 * none, or does not support `method`.
 */
export function kernelsOf(layer: BaseLayer, method: LoraMethod): ReadonlyMap<string, LayerKind> {
  const className = baseClassOf(layer);
  const kinds = layer.kinds ?? KINDS_BY_CLASS[className];
  if (kinds) {
    const kind = kinds[method];
    return new Map(kind && [[kind.kernelName, kind]]);
  }
  if (method === 'weight-view' || !RECURRENT_CLASSES.includes(className)) return new Map();
  const kernels = [...baseWeightsOf(layer)].filter(([name]) => /(^|\/)(recurrent_)?kernel$/.test(name));
  return new Map(
    kernels.flatMap(([name, { shape }]) => {
      const kind = recurrentKind(name, shape.length);
      return kind ? [[name, kind]] : [];
    }),
  );
}

/**
 * Returns how a weight of a layer is updated, if the update is named in `LoraConfig.targetWeights`: a kernel as in
 * `kernelsOf`, other weights as matrices over their last two axes.
 *
 * @returns undefined if the weight has less than two axes, is not float32, or does not support `method`
 */
export function kindOfWeight(layer: BaseLayer, name: string, method: LoraMethod): LayerKind | undefined {
  const kernel = kernelsOf(layer, method).get(name);
  if (kernel || method === 'weight-view') return kernel;
  const { shape, dtype } = baseWeightsOf(layer).get(name)!;
  const axes = shape.length;
  if (axes < 2 || dtype !== 'float32') return undefined;
  const batch = Array.from({ length: axes - 2 }, (_, axis) => axis);
  return matricesKind({ kernelName: name, batch, inputs: [axes - 2], outputs: [axes - 1] });
}

/**
 * A kernel or recurrent kernel of a recurrent layer. The layer uses it in every step, so the update is added to it once,
 * also with method `side`.
 *
 * @param axes 2 for [in, gates * units], 4 for the convolution [height, width, in, gates * filters]
 */
function recurrentKind(kernelName: string, axes: number): LayerKind | undefined {
  const base = { 2: denseKind, 4: conv2dKind }[axes];
  if (!base) return undefined;
  const { normAxes: _, ...kind } = addedToKernel(base);
  return { ...kind, kernelName };
}

/** Kinds that do not depend on an instance of a layer, for the nodes of a GraphModel. Updates are added to the kernel. */
export const kindsByOp = {
  dense: { ...sideOrWeight(addedToKernel(denseKind)), 'weight-view': denseViewKind },
  conv2d: sideOrWeight(addedToKernel(conv2dKind)),
  conv3d: sideOrWeight(addedToKernel(conv3dKind)),
  depthwise: sideOrWeight(depthwiseKind),
  embedding: sideOrWeight(addedToKernel(embeddingKind)),
} satisfies Record<string, KindsByMethod>;

function addedToKernel({ lowRankForward: _, ...kind }: LayerKind): LayerKind {
  return kind;
}
