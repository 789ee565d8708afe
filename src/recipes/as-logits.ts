import type * as tf from '@tensorflow/tfjs';
import { withoutSoftmax } from '../models/index.ts';

/**
 * Removes the softmax at the end of a model, see `withoutSoftmax`, and sends a notice of it.
 *
 * @returns a new model; `model` is disposed then. Without a softmax, `model` itself
 */
export function asLogits(model: tf.LayersModel, onNotice?: (line: string) => void): tf.LayersModel {
  const logits = withoutSoftmax(model);
  if (!logits) return model;
  onNotice?.(
    `note: layer '${logits.layer}': its softmax is removed, because evaluation and training apply the softmax to logits; ` +
      'probabilities stay the same',
  );
  model.dispose();
  return logits.model;
}
