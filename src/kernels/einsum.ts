import * as tf from '@tensorflow/tfjs';

/**
 * Computes an einsum of one or two operands without repeated labels, as a product of stacked matrices.
 *
 * @param inputs the operands by their positions
 */
export function einsum(
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: { equation: string },
): tf.Tensor {
  const [terms, result] = attributes.equation.replaceAll(' ', '').split('->') as [string, string];
  const labels = terms.split(',').map((term) => [...term]);
  if (labels.length > 2)
    throw new Error(`einsum ${attributes.equation}: more than two operands are not supported`);
  const operands = labels.map((own, index) =>
    sumUnused(inputs[index]!, own, [result, ...terms.split(',')], index),
  );
  const [left, right] = operands;
  if (!right) return reorder(left!, [...result]);
  const batch = left!.labels.filter((label) => right.labels.includes(label) && result.includes(label));
  const summed = left!.labels.filter((label) => right.labels.includes(label) && !result.includes(label));
  const rows = left!.labels.filter((label) => !right.labels.includes(label));
  const columns = right.labels.filter((label) => !left!.labels.includes(label));
  const sizes = new Map(
    operands.flatMap(({ tensor, labels: own }) =>
      own.map((label, axis) => [label, tensor.shape[axis]!] as const),
    ),
  );
  const size = (group: readonly string[]) => group.reduce((product, label) => product * sizes.get(label)!, 1);
  const stack = (operand: Operand, first: readonly string[], second: readonly string[]) =>
    tf.reshape(reorder(operand, [...batch, ...first, ...second]), [size(batch), size(first), size(second)]);
  const product = tf.matMul(stack(left!, rows, summed), stack(right, summed, columns));
  const order = [...batch, ...rows, ...columns];
  return reorder(
    {
      tensor: tf.reshape(
        product,
        order.map((label) => sizes.get(label)!),
      ),
      labels: order,
    },
    [...result],
  );
}

interface Operand {
  readonly tensor: tf.Tensor;
  readonly labels: readonly string[];
}

/** Sums an operand over the labels that neither the result nor another operand has. */
function sumUnused(
  tensor: tf.Tensor,
  labels: readonly string[],
  terms: readonly string[],
  own: number,
): Operand {
  const others = terms.filter((_, index) => index !== own + 1);
  const isUsed = (label: string) => others.some((term) => term.includes(label));
  const axes = labels.flatMap((label, axis) => (isUsed(label) ? [] : [axis]));
  return {
    tensor: axes.length > 0 ? tf.sum(tensor, axes) : tensor,
    labels: labels.filter(isUsed),
  };
}

function reorder({ tensor, labels }: Operand, order: readonly string[]): tf.Tensor {
  return tf.transpose(
    tensor,
    order.map((label) => labels.indexOf(label)),
  );
}
