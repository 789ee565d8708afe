import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type NamedLayer, namedLayers } from '../models/index.ts';
import type { LayerPattern, ResolvedLoraConfig } from './config.ts';
import { kindOf } from './layers/kinds.ts';
import { baseClassOf } from './layers/lora-layer.ts';

/** The layers that a configuration selects. */
export interface SelectedLayers {
  /** All layers with weights that no option leaves unchanged. */
  readonly candidates: readonly NamedLayer[];
  /** Candidates to train completely (`modulesToSave`). */
  readonly modulesToSave: readonly NamedLayer[];
  /** Candidates to give A and B. */
  readonly targets: readonly NamedLayer[];
}

/**
 * Selects layers by the patterns of a configuration. Every pattern and every listed name must match a layer, so that
 * typos are not silently ignored.
 *
 * @throws UsageError if a pattern matches no layer or is not a valid regular expression
 */
export function selectLayers(model: tf.LayersModel, config: ResolvedLoraConfig): SelectedLayers {
  const layers = namedLayers(model).filter(({ layer }) => layer.weights.length > 0);
  for (const option of ['exclude', 'modulesToSave', 'targets'] as const)
    checkMatches(option, config[option], layers);
  const candidates = layersFrom(layers, config.from).filter(({ path }) => !matches(path, config.exclude));
  const modulesToSave = candidates.filter(({ path }) => matches(path, config.modulesToSave));
  if (config.modulesToSave && modulesToSave.length === 0)
    throw noMatch('modulesToSave', config.modulesToSave, candidates, REMAINING);
  const remaining = candidates.filter((candidate) => !modulesToSave.includes(candidate));
  const targets = remaining.filter(({ path, layer }) =>
    config.targets === 'all'
      ? kindOf(layer, config.method) !== undefined
      : matchesPattern(path, config.targets),
  );
  if (targets.length === 0) throw noMatch('targets', config.targets, remaining, REMAINING);
  for (const option of ['rankPattern', 'alphaPattern'] as const) {
    for (const pattern of Object.keys(config[option])) {
      if (!targets.some(({ path }) => matchesKey(path, pattern)))
        throw noMatch(option, pattern, targets, 'the adapted layers are');
    }
  }
  return { candidates, modulesToSave, targets };
}

/** Returns the value of the first pattern that matches the path, as PEFT's `rank_pattern`. */
export function patternValue(path: string, patterns: Readonly<Record<string, number>>): number | undefined {
  return Object.entries(patterns).find(([pattern]) => matchesKey(path, pattern))?.[1];
}

/** Whether a name equals a dotted path or is the end of it. */
export function isSuffix(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/** Whether a pattern other than 'all' matches a dotted path, by PEFT's rules. */
export function matchesPattern(path: string, pattern: LayerPattern): boolean {
  if (typeof pattern === 'string') return fullMatch(pattern).test(path);
  if (pattern instanceof RegExp)
    return fullMatch(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(path);
  return pattern.some((name) => isSuffix(path, name));
}

function matches(path: string, pattern: LayerPattern | undefined): boolean {
  return pattern !== undefined && (pattern === 'all' || matchesPattern(path, pattern));
}

/** Matches a key of `rankPattern` or `alphaPattern`: a regular expression for the path or for the end of it. */
function matchesKey(path: string, key: string): boolean {
  return fullMatch(`(.*\\.)?(${key})`).test(path);
}

function fullMatch(source: string, flags?: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`, flags);
  } catch (error) {
    throw new UsageError(
      'invalid-argument',
      `layer pattern '${source}': not a regular expression (${(error as Error).message})`,
    );
  }
}

function layersFrom(layers: readonly NamedLayer[], from: string | undefined): readonly NamedLayer[] {
  if (from === undefined) return layers;
  const first = layers.findIndex(({ path }) => isSuffix(path, from));
  if (first < 0) throw noMatch('from', from, layers);
  return layers.slice(first);
}

function checkMatches(
  option: string,
  pattern: LayerPattern | undefined,
  layers: readonly NamedLayer[],
): void {
  if (pattern === undefined || pattern === 'all') return;
  const parts = Array.isArray(pattern) ? pattern.map((name) => [name]) : [pattern];
  const unmatched = parts.find((part) => !layers.some(({ path }) => matchesPattern(path, part)));
  if (unmatched !== undefined) throw noMatch(option, unmatched, layers);
}

const REMAINING = "'exclude', 'from' and 'modulesToSave' leave";

function noMatch(
  option: string,
  pattern: LayerPattern,
  layers: readonly NamedLayer[],
  introduction = 'the model has',
): UsageError {
  const text = Array.isArray(pattern) ? pattern.join(', ') : String(pattern);
  const list = layers.map(({ path, layer }) => `${path} (${baseClassOf(layer)})`).join(', ');
  return new UsageError(
    'invalid-argument',
    `${option} '${text}': matches no layer; ${introduction} ${list || 'no layers with weights'}`,
  );
}
