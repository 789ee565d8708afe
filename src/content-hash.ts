import { createHash } from 'node:crypto';
import type * as tf from '@tensorflow/tfjs';

/**
 * SHA-256 over names, shapes and values of weights, in the order of their names: equal hashes, equal weights.
 *
 * @returns 64 hexadecimal digits
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
 * Identifies what a model computes: its layers and its weights. Where it was saved, how it was initialised,
 * which of its weights are frozen and the suffixes that tfjs gives to a second model do not count.
 *
 * @returns 64 hexadecimal digits
 */
export function contentHash(model: tf.LayersModel): string {
  const { className, config } = { className: model.getClassName(), config: model.getConfig() };
  const topology = canonicalJson({ className, config: { ...(config as object), name: '' } });
  const weights = model.weights.map((weight) => [weight.originalName, weight.read()] as const);
  return createHash('sha256').update(topology).update(weightsHash(weights)).digest('hex');
}

/** What a configuration says about training, not about the function. */
const IGNORED = /(Initializer|Regularizer|Constraint)$|^trainable$/i;

/** JSON with sorted keys, so that the order in which a model was described does not matter. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (key, entry) => {
    // tfjs writes the default only once a model was made anew.
    if (IGNORED.test(key) || (key === 'dtype' && entry === 'float32')) return undefined;
    if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return entry;
    return Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
