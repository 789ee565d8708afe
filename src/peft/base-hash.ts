import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { CheckpointError } from '../errors.ts';
import { hasLora, unmergeLora } from '../lora/index.ts';

/** Key of the base's content hash in the metadata of an adapter's file. */
export const BASE_HASH = 'tfjs_lora_base';

/** The content hash of a model without its adapters. */
export function baseHashOf(model: tf.LayersModel): string {
  if (!hasLora(model)) return contentHash(model);
  const base = unmergeLora(model);
  try {
    return contentHash(base);
  } finally {
    base.dispose();
  }
}

/**
 * Refuses an adapter that says it was trained on another base. Files of PEFT and mlx-lm say nothing.
 *
 * @throws CheckpointError with both hashes
 */
export function checkBase(source: string, stored: string | undefined, model: tf.LayersModel): void {
  if (stored === undefined) return;
  const actual = baseHashOf(model);
  if (stored === actual) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${source}: was trained on a base with content hash ${stored}, this base has ${actual}; use its own base, or allow any base (--any-base, anyBase) if you know that it fits`,
  );
}
