import * as tf from '@tensorflow/tfjs';
import { TrainingError, UsageError } from '../errors.ts';
import { classificationLosses } from './cross-entropy.ts';

/**
 * Compares what a model gives with its labels. The result is one loss per example, [batchSize], of which the
 * mean is taken, or that mean itself. Labels are int32, or float32 where the data has them so.
 */
export type LossFunction = (predictions: tf.Tensor, labels: tf.Tensor) => tf.Tensor;

/**
 * - `cross-entropy`: softmax cross entropy of logits [batch, classes] and labels [batch] that number a class
 * - `binary-cross-entropy`: sigmoid cross entropy of logits and labels 0..1
 * - `mean-squared-error`: mean of (prediction - label)^2
 */
export type LossName = 'cross-entropy' | 'binary-cross-entropy' | 'mean-squared-error';

/** The losses that have a name; see `LossName`. */
export const LOSS_NAMES: readonly LossName[] = [
  'cross-entropy',
  'binary-cross-entropy',
  'mean-squared-error',
];

const LOSSES: Readonly<Record<LossName, LossFunction>> = {
  'cross-entropy': classificationLosses,
  'binary-cross-entropy': binaryLosses,
  'mean-squared-error': squaredErrors,
};

/** @throws UsageError when no loss has that name */
export function lossFunction(loss: LossName | LossFunction): LossFunction {
  if (typeof loss === 'function') return loss;
  const found = LOSSES[loss];
  if (!found)
    throw new UsageError('invalid-argument', `unknown loss '${loss}'; choose from ${LOSS_NAMES.join(', ')}`);
  return found;
}

/**
 * The loss of a batch. With class weights w it is sum(w[label] * loss) / sum(w[label]), as PyTorch's
 * `CrossEntropyLoss(weight)` has it.
 *
 * @param classWeights one number per class, >= 0; the labels have to number classes
 * @throws TrainingError when there are class weights and the loss is not one number per example
 */
export function meanLoss(
  loss: LossFunction,
  predictions: tf.Tensor,
  labels: tf.Tensor,
  classWeights?: readonly number[],
): tf.Scalar {
  const losses = loss(predictions, labels);
  if (classWeights === undefined) return losses.rank === 1 ? losses.mean() : (losses as tf.Scalar);
  if (losses.rank !== 1) {
    throw new TrainingError(
      'training-failed',
      `class weights need a loss of shape [${labels.shape[0]}], one number per example; it has shape [${losses.shape}]`,
    );
  }
  const weights = tf.gather(tf.tensor1d([...classWeights]), tf.cast(labels, 'int32'));
  return tf.div(tf.sum(tf.mul(losses, weights)), tf.sum(weights));
}

/** max(z, 0) - z y + ln(1 + e^-|z|), which does not overflow; the mean over all dimensions but the first. */
function binaryLosses(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const targets = shapedAs(labels, logits);
  const softened = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return meanPerExample(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), softened));
}

function squaredErrors(predictions: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return meanPerExample(tf.squaredDifference(predictions, shapedAs(labels, predictions)));
}

function shapedAs(labels: tf.Tensor, { shape, size }: tf.Tensor): tf.Tensor {
  if (labels.size !== size) {
    throw new TrainingError(
      'training-failed',
      `labels of shape [${labels.shape}] do not fit predictions of shape [${shape}]`,
    );
  }
  return tf.reshape(tf.cast(labels, 'float32'), shape);
}

function meanPerExample(values: tf.Tensor): tf.Tensor {
  return values.rank === 1 ? values : tf.mean(tf.reshape(values, [values.shape[0]!, -1]), 1);
}
