import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { type NamedLayer, namedLayers } from '../models/index.ts';
import { LayerExpressions } from '../patterns/index.ts';
import { listNames, printable, quote } from '../quote.ts';
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
  /** Matches the expressions of the configuration with the paths of the layers. */
  readonly expressions: LayerExpressions;
}

/**
 * Selects layers by the patterns of a configuration. Every pattern and every listed name must match a layer, so that
 * typos are not silently ignored.
 *
 * @throws UsageError if a pattern matches no layer or is not a valid regular expression
 */
export function selectLayers(model: AdaptableModel, config: ResolvedLoraConfig): SelectedLayers {
  const layers = weightedLayers(model);
  const expressions = new LayerExpressions(layers.map(({ path }) => path));
  const matches = (path: string, pattern: LayerPattern | undefined) =>
    pattern === 'all' || (pattern !== undefined && matchesPattern(expressions, path, pattern));
  for (const option of ['exclude', 'modulesToSave', 'targets'] as const)
    checkMatches(option, config[option], layers, expressions);
  const candidates = layersFrom(model, layers, config.from).filter(
    ({ path }) => !matches(path, config.exclude),
  );
  const modulesToSave = candidates.filter(({ path }) => matches(path, config.modulesToSave));
  if (config.modulesToSave && modulesToSave.length === 0)
    throw noMatch('modulesToSave', config.modulesToSave, candidates, REMAINING);
  const remaining = candidates.filter((candidate) => !modulesToSave.includes(candidate));
  const targets = remaining.filter(
    ({ path, layer }) =>
      matches(path, config.targets) &&
      (kindOf(layer, config.method) !== undefined || isNamed(path, config.targets)),
  );
  if (targets.length === 0) throw noMatch('targets', config.targets, remaining, REMAINING);
  for (const option of ['rankPattern', 'alphaPattern'] as const) {
    for (const pattern of Object.keys(config[option])) {
      if (!targets.some(({ path }) => expressions.matchesEnd(pattern, path)))
        throw noMatch(option, pattern, targets, 'the adapted layers are');
    }
  }
  return { candidates, modulesToSave, targets, expressions };
}

/** Returns the layers of a model that have weights. */
export function weightedLayers(model: AdaptableModel): NamedLayer[] {
  return namedLayers(model).filter(({ layer }) => layer.weights.length > 0);
}

/** Returns the value of the first pattern that matches the path, as PEFT's `rank_pattern`. */
export function patternValue(
  expressions: LayerExpressions,
  path: string,
  patterns: Readonly<Record<string, number>>,
): number | undefined {
  return Object.entries(patterns).find(([pattern]) => expressions.matchesEnd(pattern, path))?.[1];
}

/** Returns the path of a weight, such as `encoder.lstm.recurrent_kernel`, from that of its layer and its name there. */
export function weightPath(layerPath: string, weight: string): string {
  return `${layerPath}.${weight.replaceAll('/', '.')}`;
}

/** Whether a name equals a dotted path or is the end of it. */
export function isSuffix(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/** Whether a pattern other than 'all' matches a dotted path. A name in a list can also be that of a model around it. */
function matchesPattern(expressions: LayerExpressions, path: string, pattern: LayerPattern): boolean {
  if (typeof pattern === 'string') return expressions.matchesWhole(pattern, path);
  if (pattern instanceof RegExp) return matchesRegExp(path, pattern);
  return pattern.some((name) => isPart(path, name));
}

/** Whether a layer itself was chosen, by name or expression, and not only with others. */
function isNamed(path: string, pattern: LayerPattern): boolean {
  return pattern !== 'all' && (!Array.isArray(pattern) || pattern.some((name) => isSuffix(path, name)));
}

/** Whether a name equals a dotted path, the end of it, or a model around the layer, also with the end of its path. */
function isPart(path: string, name: string): boolean {
  return `.${path}.`.includes(`.${name}.`);
}

/** Whether a program's own expression matches the whole path. */
function matchesRegExp(path: string, { source, flags }: RegExp): boolean {
  try {
    return new RegExp(`^(?:${source})$`, flags.replace(/[gy]/g, '')).test(path);
  } catch (error) {
    // V8 compiles an expression when it is first used, and refuses large ones only then.
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError('invalid-argument', `regular expression ${quote(source)}: ${quote(error.message)}`);
  }
}

function layersFrom(
  model: AdaptableModel,
  layers: readonly NamedLayer[],
  from: string | undefined,
): readonly NamedLayer[] {
  if (from === undefined) return layers;
  if (isLayeredGraphModel(model)) {
    const behind = model.layersBehind(from);
    if (!behind) throw noMatch('from', from, layers);
    return layers.filter(({ layer }) => behind.has(layer));
  }
  const first = layers.findIndex(({ path }) => isPart(path, from));
  if (first < 0) throw noMatch('from', from, layers);
  return layers.slice(first);
}

function checkMatches(
  option: string,
  pattern: LayerPattern | undefined,
  layers: readonly NamedLayer[],
  expressions: LayerExpressions,
): void {
  if (pattern === undefined || pattern === 'all') return;
  const parts = Array.isArray(pattern) ? pattern.map((name) => [name]) : [pattern];
  const unmatched = parts.find((part) => !layers.some(({ path }) => matchesPattern(expressions, path, part)));
  if (unmatched !== undefined) throw noMatch(option, unmatched, layers);
}

/** Layers that a message lists. */
const SHOWN_LAYERS = 40;

const REMAINING = "'exclude', 'from' and 'modulesToSave' leave";

function noMatch(
  option: string,
  pattern: LayerPattern,
  layers: readonly NamedLayer[],
  introduction = 'the model has',
): UsageError {
  const text = Array.isArray(pattern) ? listNames(pattern) : printable(String(pattern));
  const list = listNames(
    layers.map(({ path, layer }) => `${path} (${baseClassOf(layer)})`),
    SHOWN_LAYERS,
  );
  return new UsageError(
    'invalid-argument',
    `${option} '${text}': matches no layer; ${introduction} ${list || 'no layers with weights'}`,
  );
}
