import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { hasLora, unloadLora } from '../lora/index.ts';

/** The content hash of a model without its adapters. */
export function baseHashOf(model: tf.LayersModel): string {
  if (!hasLora(model)) return contentHash(model);
  const base = unloadLora(model);
  try {
    return contentHash(base);
  } finally {
    base.dispose();
  }
}
