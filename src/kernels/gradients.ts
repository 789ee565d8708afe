import * as tf from '@tensorflow/tfjs';

/** Gradients that tfjs lacks, by the names of the kernels. */
type GradientFunction = (
  dy: tf.Tensor,
  saved: tf.Tensor[],
  attributes: Attributes,
) => Record<string, () => tf.Tensor>;
type Attributes = Readonly<Record<string, unknown>>;

interface Gradient {
  /** Inputs whose values the gradient needs. */
  readonly inputsToSave?: readonly string[];
  /** Whether all inputs are saved, in order; for kernels with a list of inputs. */
  readonly saveAllInputs?: boolean;
  readonly gradFunc: GradientFunction;
}

const zerosFor = (...inputs: readonly string[]): Gradient => ({
  inputsToSave: inputs,
  gradFunc: (_, saved) =>
    Object.fromEntries(inputs.map((name, index) => [name, () => tf.zeros(saved[index]!.shape)])),
});

const comparison = zerosFor('a', 'b');

const GRADIENTS: Readonly<Record<string, Gradient>> = {
  // As in TensorFlow, nothing flows back through comparisons and positions.
  Equal: comparison,
  NotEqual: comparison,
  Greater: comparison,
  GreaterEqual: comparison,
  Less: comparison,
  LessEqual: comparison,
  LogicalAnd: comparison,
  LogicalOr: comparison,
  LogicalNot: zerosFor('x'),
  ArgMax: zerosFor('x'),
  ArgMin: zerosFor('x'),
  Einsum: { saveAllInputs: true, gradFunc: einsumGradient },
  StridedSlice: { inputsToSave: ['x'], gradFunc: stridedSliceGradient },
  DepthToSpace: { inputsToSave: ['x'], gradFunc: depthToSpaceGradient },
};

/** The kernels that get a gradient here. */
export const completedGradients: ReadonlySet<string> = new Set(Object.keys(GRADIENTS));

/** Gradients of tfjs that are replaced, each by one made of the original. */
const REPLACED: Readonly<Record<string, (original: tf.GradConfig) => tf.GradConfig>> = {
  BatchMatMul: withBroadcasting,
  Tile: bySumming,
  Conv2D: withDilation,
  DepthwiseConv2dNative: withDilation,
};

/** The gradients that this file has registered in place of others. */
const replacements = new WeakSet<tf.GradConfig>();

/**
 * Registers the gradients of kernels that have none in tfjs, of dilated 2-D convolutions, of products of stacked matrices
 * in which a matrix is repeated (broadcast) along a batch axis, and of `tile`, which layer normalization uses. Does nothing
 * the second time.
 */
export function completeGradients(): void {
  for (const [kernelName, replace] of Object.entries(REPLACED)) {
    const original = tf.getGradient(kernelName);
    if (!original || replacements.has(original)) continue;
    const gradient = replace(original);
    replacements.add(gradient);
    tf.registerGradient(gradient);
  }
  for (const [kernelName, gradient] of Object.entries(GRADIENTS)) {
    if (tf.getGradient(kernelName)) continue;
    tf.registerGradient({ kernelName, ...gradient } as unknown as tf.GradConfig);
  }
}

/**
 * The gradients of a dilated convolution are those of an undilated one whose kernel has zeros in the gaps.
 *
 * @param original the gradient of a convolution with a kernel [height, width, in, out or multiplier]
 */
function withDilation(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attributes) => {
      const rates = [(attributes as Attributes).dilations ?? 1].flat() as number[];
      const [rowRate, columnRate] = [rates[0]!, rates.at(-1)!];
      if (rowRate === 1 && columnRate === 1) return original.gradFunc(dy, saved, attributes);
      const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D];
      const spread = insertGaps(kernel, rowRate, columnRate);
      const gradients = original.gradFunc(dy, [x, spread], { ...attributes, dilations: [1, 1] });
      return {
        x: gradients.x!,
        filter: () =>
          tf.stridedSlice(gradients.filter!(), [0, 0, 0, 0], spread.shape, [rowRate, columnRate, 1, 1]),
      };
    },
  };
}

/** Inserts rate - 1 zeros between neighbouring rows and columns of a kernel [height, width, in, out]. */
function insertGaps(kernel: tf.Tensor4D, rowRate: number, columnRate: number): tf.Tensor4D {
  const [height, width, inputs, outputs] = kernel.shape;
  const padded = tf.pad(kernel.reshape([height, 1, width, 1, inputs * outputs]), [
    [0, 0],
    [0, rowRate - 1],
    [0, 0],
    [0, columnRate - 1],
    [0, 0],
  ]);
  const size: [number, number] = [(height - 1) * rowRate + 1, (width - 1) * columnRate + 1];
  return padded
    .reshape([height * rowRate, width * columnRate, inputs, outputs])
    .slice([0, 0, 0, 0], [...size, inputs, outputs]) as tf.Tensor4D;
}

/** Sums the gradients of a product over the axes along which an operand was repeated. */
function withBroadcasting(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attributes) => {
      const gradients = original.gradFunc(dy, saved, attributes);
      const { transposeA, transposeB } = attributes as Record<string, unknown>;
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      // One matrix for all examples: a single product instead of one for each example and their sum.
      const isShared = b.rank === 2 && a.rank > 2 && !transposeA && !transposeB;
      const gradientOfB = () => {
        const rows = tf.reshape(a, [-1, a.shape.at(-1)!]);
        return tf.matMul(rows, tf.reshape(dy as tf.Tensor, [-1, b.shape[1]!]), true);
      };
      return {
        a: () => sumTo(gradients.a!(), a.shape),
        b: isShared ? gradientOfB : () => sumTo(gradients.b!(), b.shape),
      };
    },
  };
}

/** Sums the gradients of the copies of a tiled tensor in one op. The gradient of tfjs runs two ops for each copy. */
function bySumming(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attributes) => {
      const { shape } = (saved as [tf.Tensor])[0];
      const { reps } = attributes as unknown as { readonly reps: readonly number[] };
      // Each axis becomes two: the copies, and the positions in a copy.
      const sizes = shape.flatMap((size, axis) => [reps[axis]!, size]);
      const copies = shape.map((_, axis) => 2 * axis);
      return { x: () => tf.sum(tf.reshape(dy as tf.Tensor, sizes), copies) };
    },
  };
}

/** Sums a tensor over the axes that a tensor of the shape would be repeated along. */
function sumTo(tensor: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes([...shape], tensor.shape);
  return axes.length === 0 ? tensor : tf.reshape(tf.sum(tensor, axes), [...shape]);
}

/** Each operand's gradient is the einsum of dy with the other operands. */
function einsumGradient(
  dy: tf.Tensor,
  operands: tf.Tensor[],
  { equation }: Attributes,
): Record<string, () => tf.Tensor> {
  const [terms, result] = String(equation).replaceAll(' ', '').split('->') as [string, string];
  const labels = terms.split(',');
  return Object.fromEntries(
    operands.map((operand, index) => [
      index,
      () => {
        const others = operands.filter((_, other) => other !== index);
        const otherLabels = labels.filter((_, other) => other !== index);
        const own = [...labels[index]!];
        const found = own.filter((label) => [result, ...otherLabels].some((term) => term.includes(label)));
        const gradient = tf.einsum(`${[result, ...otherLabels].join(',')}->${found.join('')}`, dy, ...others);
        // A label of this operand only was summed, so that its gradient is the same at each position.
        const shape = own.map((label, axis) => (found.includes(label) ? operand.shape[axis]! : 1));
        return tf.mul(tf.reshape(gradient, shape), tf.onesLike(operand));
      },
    ]),
  );
}

/** Adds dy at the positions that the slice was taken from. */
function stridedSliceGradient(
  dy: tf.Tensor,
  [x]: tf.Tensor[],
  attributes: Attributes,
): Record<string, () => tf.Tensor> {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } =
    attributes as Record<string, number> & Record<'begin' | 'end' | 'strides', number[]>;
  return {
    x: () => {
      const shape = x!.shape;
      const positions = tf.reshape(tf.range(0, x!.size, 1, 'int32'), shape);
      const taken = tf.stridedSlice(
        positions,
        begin as number[],
        end as number[],
        strides as number[],
        beginMask,
        endMask,
        ellipsisMask,
        newAxisMask,
        shrinkAxisMask,
      );
      const sum = tf.unsortedSegmentSum(
        tf.reshape(dy, [-1]),
        tf.reshape(taken, [-1]) as tf.Tensor1D,
        x!.size,
      );
      return tf.reshape(sum, shape);
    },
  };
}

/** Moves blocks back into the depth. */
function depthToSpaceGradient(
  dy: tf.Tensor,
  [x]: tf.Tensor[],
  { blockSize, dataFormat }: Attributes,
): Record<string, () => tf.Tensor> {
  const block = blockSize as number;
  return {
    x: () => {
      if (dataFormat === 'NCHW') {
        const [batch, depth, height, width] = x!.shape as [number, number, number, number];
        const blocks = tf.reshape(dy, [batch, depth / block ** 2, height, block, width, block]);
        return tf.reshape(tf.transpose(blocks, [0, 3, 5, 1, 2, 4]), x!.shape);
      }
      const [batch, height, width, depth] = x!.shape as [number, number, number, number];
      const blocks = tf.reshape(dy, [batch, height, block, width, block, depth / block ** 2]);
      return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4, 5]), x!.shape);
    },
  };
}
