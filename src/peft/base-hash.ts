import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { CheckpointError } from '../errors.ts';
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

/**
 * Checks that an adapter was trained on this base.
 *
 * @param weightsPath names the adapter in errors
 * @param expected the hash in the adapter's file; `undefined` in files of PEFT and mlx-lm, which fit any base
 * @throws CheckpointError with both hashes, if they differ
 */
export function checkBase(weightsPath: string, expected: string | undefined, model: tf.LayersModel): void {
  if (expected === undefined) return;
  const actual = baseHashOf(model);
  if (expected === actual) return;
  throw new CheckpointError(
    'base-mismatch',
    `${weightsPath}: trained on a base with content hash ${expected}, this base has ${actual}; load it on the base it was trained on`,
  );
}
