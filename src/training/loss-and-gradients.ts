import * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../errors.ts';
import type { Batch } from './data.ts';
import { withSeededDropout } from './random-ops/seeded-dropout.ts';
import type { TrainingTask } from './task.ts';

/**
 * Returns the loss of a batch, a float32 scalar, with the dropout masks of a step.
 *
 * @param step the number of the step, or an int32 scalar while the step is being recorded
 * @throws TrainingError if the loss is not a scalar
 */
export function batchLoss(
  task: TrainingTask,
  { inputs, labels }: Batch,
  step: number | tf.Scalar,
): tf.Scalar {
  const loss = withSeededDropout({ seed: task.seed, step }, () => task.loss(inputs, labels));
  if (loss.rank === 0) return loss;
  throw new TrainingError(
    'training-failed',
    `the loss has shape [${loss.shape}], but it must be a scalar; return its mean`,
  );
}

/** The loss of a batch and how the weights change it. */
export interface LossAndGradients {
  /** float32 scalar */
  readonly loss: tf.Scalar;
  /** By weight name, in the weight's shape, clipped. Weights that the loss does not depend on have none. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

/**
 * Returns the loss of a batch and its gradients: the part of a step before the update. Both kinds of engine run it,
 * `eager` at every step, the compiled ones once, to record it.
 *
 * @param trainable the trainable weights by name
 * @param step as in `batchLoss`
 */
export function lossAndGradients(
  task: TrainingTask,
  trainable: ReadonlyMap<string, tf.Variable>,
  batch: Batch,
  step: number | tf.Scalar,
): LossAndGradients {
  const { value, grads } = tf.variableGrads(() => batchLoss(task, batch, step), [...trainable.values()]);
  const names = [...trainable.keys()].filter((name) => grads[trainable.get(name)!.name] !== undefined);
  const gradients = names.map((name) => grads[trainable.get(name)!.name]!);
  const { clipNorm } = task.optimizer;
  const clipped = clipNorm === undefined ? gradients : clipByGlobalNorm(gradients, clipNorm);
  return { loss: value, gradients: new Map(names.map((name, index) => [name, clipped[index]!])) };
}

/**
 * Scales gradients down together if their global L2 norm exceeds `clipNorm`, as PyTorch's `clip_grad_norm_` does: by
 * min(1, clipNorm / (norm + 1e-6)).
 */
function clipByGlobalNorm(gradients: readonly tf.Tensor[], clipNorm: number): tf.Tensor[] {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares));
  const scale = tf.minimum(1, tf.div(clipNorm, tf.add(norm, 1e-6)));
  return gradients.map((gradient) => tf.mul(gradient, scale));
}
