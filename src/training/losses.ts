import * as tf from '@tensorflow/tfjs';
import { TrainingError, UsageError } from '../errors.ts';
import { hasNativeBackend, runOpOutputs } from '../tensorflow/index.ts';

/**
 * Compares predictions with labels. Returns one loss per example, [batch] float32, whose mean is then taken; or the
 * mean itself, a float32 scalar. Labels are int32, or float32 if the data is a Float32Array.
 *
 * It may use variables of tfjs, whose current values count in each call of `Engine.run`. If another value of JavaScript that
 * it uses changes between two calls, such as a number, the engines `graph` and `xla` find it by running the function again,
 * and record and compile the step again, which takes up to a few seconds. So keep what changes often in a variable.
 */
export type LossFunction = Bivariant<(predictions: tf.Tensor, labels: tf.Tensor) => tf.Tensor>;

/** A function that may declare the ranks of its tensors, such as `(predictions: tf.Tensor2D) => ...`. */
export type Bivariant<F extends (...values: never[]) => unknown> = {
  bivariant(...values: Parameters<F>): ReturnType<F>;
}['bivariant'];

/**
 * - `cross-entropy`: softmax cross-entropy of logits [batch, classes] and labels [batch], the index of each class
 * - `binary-cross-entropy`: sigmoid cross-entropy of logits and labels from 0 to 1, of the same size
 * - `mean-squared-error`: mean of (prediction - label)^2
 */
export type LossName = 'cross-entropy' | 'binary-cross-entropy' | 'mean-squared-error';

const LOSSES: Readonly<Record<LossName, LossFunction>> = {
  'cross-entropy': crossEntropy,
  'binary-cross-entropy': binaryCrossEntropy,
  'mean-squared-error': meanSquaredError,
};

/** The names of the built-in losses. */
export const LOSS_NAMES = Object.keys(LOSSES) as readonly LossName[];

/** @throws UsageError if no loss has that name */
export function lossFunction(loss: LossName | LossFunction): LossFunction {
  if (typeof loss === 'function') return loss;
  if (LOSSES[loss]) return LOSSES[loss];
  throw new UsageError('invalid-argument', `unknown loss '${loss}'; choose from ${LOSS_NAMES.join(', ')}`);
}

/**
 * Returns the mean loss of a batch, a float32 scalar. With class weights w it is sum(w[label] * loss) /
 * sum(w[label]), as in PyTorch's `CrossEntropyLoss(weight)`.
 *
 * @param predictions [batch, ...] float32
 * @param labels [batch, ...] int32 or float32; [batch] if there are class weights
 * @param classWeights one weight per class, each at least 0
 * @throws TrainingError if there are class weights and the loss is not [batch]
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
      `class weights need one loss per example, of shape [${labels.shape[0]}]; the loss has shape [${losses.shape}]`,
    );
  }
  const weights = tf.gather(tf.tensor1d([...classWeights]), tf.cast(labels, 'int32'));
  return tf.div(tf.sum(tf.mul(losses, weights)), tf.sum(weights));
}

/**
 * Softmax cross-entropy, ln(sum(e^z)) - z[label] for logits z.
 *
 * @param logits [batch, classes] float32
 * @param labels [batch] int32
 * @returns [batch] float32
 */
function crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  if (logits.rank !== 2 || labels.rank !== 1) {
    throw new TrainingError(
      'training-failed',
      `cross-entropy takes logits [batch, classes] and labels [batch]; they have shapes [${logits.shape}] and [${labels.shape}]`,
    );
  }
  const losses = tf.customGrad((values, save) => {
    const { value, gradient } = crossEntropyAndGradient(values as tf.Tensor2D, labels);
    (save as (tensors: tf.Tensor[]) => void)([gradient]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(saved!, tf.expandDims(dy, 1)),
    };
  });
  return losses(logits);
}

/**
 * Returns the losses [batch] and their gradients for the logits, softmax - one-hot [batch, classes]. Native
 * TensorFlow computes both in one op: the engine `graph` then trains DigitsNet 1.5 times as fast as with the ops that
 * `tf.losses.softmaxCrossEntropy` and its gradient consist of.
 */
function crossEntropyAndGradient(
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

/** Sigmoid cross-entropy as max(z, 0) - z y + ln(1 + e^-|z|), which does not overflow for large logits z. */
function binaryCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const targets = reshapeLike(labels, logits);
  const softened = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return meanPerExample(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), softened));
}

function meanSquaredError(predictions: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return meanPerExample(tf.squaredDifference(predictions, reshapeLike(labels, predictions)));
}

/** Returns the labels as float32 in the shape of the predictions. */
function reshapeLike(labels: tf.Tensor, { shape, size }: tf.Tensor): tf.Tensor {
  if (labels.size !== size) {
    throw new TrainingError(
      'training-failed',
      `labels of shape [${labels.shape}] do not fit predictions of shape [${shape}]`,
    );
  }
  return tf.reshape(tf.cast(labels, 'float32'), shape);
}

/** [batch, ...] to [batch] */
function meanPerExample(values: tf.Tensor): tf.Tensor {
  return values.rank === 1 ? values : tf.mean(tf.reshape(values, [values.shape[0]!, -1]), 1);
}
