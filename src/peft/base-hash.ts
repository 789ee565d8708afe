import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { hasLora, unloadLora } from '../lora/index.ts';

/** The content hash of a model without its adapters. */
export function baseHashOf(model: tf.LayersModel | tf.GraphModel): string {
  // The weights of a GraphModel are those of its base, because adapters replace them for the time of a call only.
  if (model instanceof tf.GraphModel || !hasLora(model)) return contentHash(model);
  const base = unloadLora(model);
  try {
    return contentHash(base);
  } finally {
    base.dispose();
  }
}
