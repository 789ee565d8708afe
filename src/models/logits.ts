import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';

/**
 * Checks that a model's output is logits. The losses here apply the softmax themselves; a model that ends in one would
 * have it applied twice, and still train.
 *
 * @throws UsageError if the model ends in a softmax or a sigmoid
 */
export function requireLogits(model: tf.LayersModel): void {
  requireLayersModel(model);
  const layer = model.outputs[0]!.sourceLayer;
  const activation = layer.getClassName() === 'Softmax' ? 'softmax' : layer.getConfig().activation;
  if (activation !== 'softmax' && activation !== 'sigmoid') return;
  throw new UsageError(
    'invalid-argument',
    `layer '${layer.name}': ends the model with a ${activation}, but logits are needed; give it a linear activation`,
  );
}
