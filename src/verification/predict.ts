import type * as tf from '@tensorflow/tfjs';
import { largestBatch } from '../inference/index.ts';

/**
 * Predicts in batches of `largestBatch` examples.
 *
 * @param inputs one tensor [batch, ...] for each input of the model
 * @returns one float32 tensor [batch, ...] for each output, which the caller disposes
 */
export function predictAll(model: tf.LayersModel, inputs: readonly tf.Tensor[]): tf.Tensor[] {
  const x = inputs.length === 1 ? inputs[0]! : [...inputs];
  return [model.predict(x, { batchSize: largestBatch(model) })].flat();
}
