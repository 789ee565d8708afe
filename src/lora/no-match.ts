import { UsageError } from '../errors.ts';
import type { NamedLayer } from '../models/index.ts';
import { listNames, printable } from '../quote.ts';
import type { AdaptableWeight } from './adaptable-weights.ts';
import type { LayerPattern } from './config.ts';
import { baseClassOf } from './layers/lora-layer.ts';

/** Which layers or weights a message lists. */
export const IN_MODEL = 'the model has';
export const REMAINING = "'exclude', 'from' and 'modulesToSave' leave";
export const ADAPTED = 'the adapted layers are';

/** Most layers or weights that a message lists. */
const MAX_LISTED = 40;

/** The error for a pattern that matches none of these layers. */
export function noLayerMatch(
  option: string,
  pattern: LayerPattern,
  layers: readonly NamedLayer[],
  introduction: string,
): UsageError {
  const names = layers.map(({ path, layer }) => `${path} (${baseClassOf(layer)})`);
  const list = listNames(names, MAX_LISTED) || 'no layers with weights';
  return new UsageError(
    'invalid-argument',
    `${option} '${textOf(pattern)}': matches no layer; ${introduction} ${list}`,
  );
}

/** The error for a pattern in `targetWeights` that matches none of these weights. */
export function noWeightMatch(
  pattern: LayerPattern,
  weights: readonly AdaptableWeight[],
  introduction: string,
): UsageError {
  const paths = weights.map(({ path }) => path);
  const list = listNames(paths, MAX_LISTED) || 'none';
  return new UsageError(
    'invalid-argument',
    `targetWeights '${textOf(pattern)}': matches no weight with two or more axes; ${introduction} ${list}`,
  );
}

function textOf(pattern: LayerPattern): string {
  return Array.isArray(pattern) ? listNames(pattern) : printable(String(pattern));
}
