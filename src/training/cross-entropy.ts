import * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../errors.ts';
import { hasNativeBackend, runOpOutputs } from '../tensorflow/index.ts';

/**
 * Softmax cross entropy of each example, [batch].
 *
 * @param logits [batch, classes]
 * @param labels the class of each example, int32 [batch]
 */
export function classificationLosses(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  if (logits.rank !== 2 || labels.rank !== 1) {
    throw new TrainingError(
      'training-failed',
      `cross entropy takes logits [batch, classes] and labels [batch]; they have shapes [${logits.shape}] and [${labels.shape}]`,
    );
  }
  const losses = tf.customGrad((values, save) => {
    const { value, gradient } = lossesAndGradient(values as tf.Tensor2D, labels);
    (save as (tensors: tf.Tensor[]) => void)([gradient]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(saved!, tf.expandDims(dy, 1)),
    };
  });
  return losses(logits);
}

/** The losses [batch], and their gradient with respect to the logits, softmax - one-hot [batch, classes]. */
function lossesAndGradient(
  logits: tf.Tensor2D,
  labels: tf.Tensor,
): { value: tf.Tensor; gradient: tf.Tensor } {
  if (hasNativeBackend()) {
    const [value, gradient] = runOpOutputs(
      'SparseSoftmaxCrossEntropyWithLogits',
      { T: { type: 'float32' }, Tlabels: { type: 'int32' } },
      [logits, labels],
      2,
    ) as [tf.Tensor, tf.Tensor];
    return { value, gradient };
  }
  const target = tf.cast(tf.oneHot(tf.cast(labels, 'int32'), logits.shape[1]), 'float32');
  const logProbabilities = tf.logSoftmax(logits);
  return {
    value: tf.neg(tf.sum(tf.mul(target, logProbabilities), 1)),
    gradient: tf.sub(tf.exp(logProbabilities), target),
  };
}
