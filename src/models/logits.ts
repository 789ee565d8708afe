import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';

/**
 * Losses and probabilities are computed from logits here. A model that ends in a softmax or a sigmoid would have it
 * applied twice, and look fine.
 *
 * @throws UsageError naming the layer
 */
export function requireLogits(model: tf.LayersModel): void {
  const layer = model.outputs[0]!.sourceLayer;
  const activation = layer.getClassName() === 'Softmax' ? 'softmax' : layer.getConfig().activation;
  if (activation !== 'softmax' && activation !== 'sigmoid') return;
  throw new UsageError(
    'invalid-argument',
    `layer '${layer.name}' ends the model with a ${activation}, but logits are needed; give it a linear activation`,
  );
}
