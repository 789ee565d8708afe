import { createHash } from 'node:crypto';
import type * as tf from '@tensorflow/tfjs';

/**
 * Hashes the names, dtypes, shapes and values of weights with SHA-256. The order of the weights does not matter.
 *
 * @param weights tensors of any shape and dtype, by name
 * @returns 64 hexadecimal digits
 *
 * @example
 * weightsHash(baseWeights(model)) === weightsHash(baseWeights(base)); // training did not change the base
 */
export function weightsHash(weights: Iterable<readonly [name: string, value: tf.Tensor]>): string {
  const hash = createHash('sha256');
  const sorted = [...weights].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [name, value] of sorted) {
    hash.update(`${name} ${value.dtype} [${value.shape}]\n`);
    const data = value.dataSync();
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/**
 * Hashes what a model computes: its layers and its weights. Models that differ only in where they were saved, how they
 * were initialized or regularized, which weights are frozen, or the suffixes that tfjs adds to the names of a second
 * model have the same hash.
 *
 * @returns 64 hexadecimal digits
 */
export function contentHash(model: tf.LayersModel): string {
  const topology = canonicalJson({
    className: model.getClassName(),
    config: { ...(model.getConfig() as object), name: '' },
  });
  const weights = model.weights.map((weight) => [weight.originalName, weight.read()] as const);
  return createHash('sha256').update(topology).update(weightsHash(weights)).digest('hex');
}

/** Keys of a layer's configuration that matter for training only. */
const TRAINING_KEYS = /(Initializer|Regularizer|Constraint)$|^trainable$/i;

/** Returns JSON with sorted keys, without what does not change the outputs. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (key, entry) => {
    // tfjs writes the default dtype only for models that were built from JSON.
    if (TRAINING_KEYS.test(key) || (key === 'dtype' && entry === 'float32')) return undefined;
    if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return entry;
    return Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
