import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { type NamedLayer, namedLayers } from '../models/index.ts';
import { LayerExpressions } from '../patterns/index.ts';
import { listNames, printable, quote } from '../quote.ts';
import type { LayerPattern, LoraMethod, ResolvedLoraConfig } from './config.ts';
import { kernelsOf, kindOfWeight } from './layers/kinds.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseClassOf, baseWeightsOf } from './layers/lora-layer.ts';

/** A layer and the weights of it that get A and B. */
export interface TargetLayer extends NamedLayer {
  /** By their names in the layer. Empty if `targets` names a layer that has no such weight. */
  readonly kernels: ReadonlyMap<string, LayerKind>;
}

/** The layers that a configuration selects. */
export interface SelectedLayers {
  /** All layers with weights that no option leaves unchanged. */
  readonly candidates: readonly NamedLayer[];
  /** Candidates to train completely (`modulesToSave`). */
  readonly modulesToSave: readonly NamedLayer[];
  /** Candidates to give A and B. */
  readonly targets: readonly TargetLayer[];
  /** Matches the expressions of the configuration with the paths of the layers and weights. */
  readonly expressions: LayerExpressions;
}

/**
 * Selects layers and weights by the patterns of a configuration. Every pattern and every listed name must match something,
 * so that typos are not silently ignored.
 *
 * @throws UsageError if a pattern matches nothing or is not a valid regular expression
 */
export function selectLayers(model: AdaptableModel, config: ResolvedLoraConfig): SelectedLayers {
  const { method } = config;
  const layers = weightedLayers(model);
  const weights = layers.flatMap((layer) => adaptableWeights(layer, method));
  const paths = [...layers.flatMap(layerPaths), ...weights.flatMap(({ path, places }) => [path, ...places])];
  const expressions = new LayerExpressions([...new Set(paths)]);
  const matches = (candidates: readonly string[], pattern: LayerPattern | undefined) =>
    pattern === 'all' ||
    (pattern !== undefined && candidates.some((path) => matchesPattern(expressions, path, pattern)));
  const matchesWeight = (path: string) =>
    config.targetWeights !== undefined && matchesWeightPattern(expressions, path, config.targetWeights);

  const checkLayers = (option: 'exclude' | 'modulesToSave' | 'targets', names: readonly string[]) =>
    checkMatches(
      config[option],
      (part) => names.some((name) => matchesPattern(expressions, name, part)),
      (part) => noMatch(option, part, layers),
    );
  checkLayers('exclude', paths);
  checkLayers('modulesToSave', layers.flatMap(layerPaths));
  checkLayers('targets', [...layers.flatMap(layerPaths), ...weights.flatMap(({ places }) => places)]);
  checkMatches(
    config.targetWeights,
    (part) => weights.some(({ path }) => matchesWeightPattern(expressions, path, part)),
    (part) => noWeightMatch(part, weights, 'the model has'),
  );

  const candidates = layersFrom(model, layers, config.from).filter(
    (layer) => !matches(layerPaths(layer), config.exclude),
  );
  const modulesToSave = candidates.filter((layer) => matches(layerPaths(layer), config.modulesToSave));
  if (config.modulesToSave && modulesToSave.length === 0)
    throw noMatch('modulesToSave', config.modulesToSave, candidates, REMAINING);
  const remaining = candidates.filter((candidate) => !modulesToSave.includes(candidate));
  const targets = remaining.flatMap((layer): TargetLayer[] => {
    const kernels = adaptableWeights(layer, method).filter(
      ({ path, places, isDefault }) =>
        !matches([path, ...places], config.exclude) &&
        ((isDefault && matches(places, config.targets)) || matchesWeight(path)),
    );
    const isUnsupported =
      kernelsOf(layer.layer, method).size === 0 &&
      layerPaths(layer).some((path) => isNamed(path, config.targets));
    const isTarget = kernels.length > 0 || (isUnsupported && matches(layerPaths(layer), config.targets));
    return isTarget ? [{ ...layer, kernels: new Map(kernels.map(({ name, kind }) => [name, kind])) }] : [];
  });
  checkTargets(config, remaining, targets, matchesWeight);
  for (const option of ['rankPattern', 'alphaPattern'] as const) {
    for (const pattern of Object.keys(config[option])) {
      const isUsed = targets.flatMap(layerPaths).some((path) => expressions.matchesEnd(pattern, path));
      if (!isUsed) throw noMatch(option, pattern, targets, 'the adapted layers are');
    }
  }
  return { candidates, modulesToSave, targets, expressions };
}

/** @throws UsageError if `targets` or `targetWeights` match only what other options leave out */
function checkTargets(
  { method, targets: pattern, targetWeights }: ResolvedLoraConfig,
  remaining: readonly NamedLayer[],
  targets: readonly TargetLayer[],
  matchesWeight: (path: string) => boolean,
): void {
  const hasWeight = targets.some(({ path, kernels }) =>
    [...kernels.keys()].some((kernel) => matchesWeight(weightPath(path, kernel))),
  );
  if (targetWeights !== undefined && !hasWeight) {
    const weights = remaining.flatMap((layer) => adaptableWeights(layer, method));
    throw noWeightMatch(targetWeights, weights, REMAINING);
  }
  if (targets.length === 0) throw noMatch('targets', pattern, remaining, REMAINING);
}

/** A weight that can get A and B. */
interface AdaptableWeight {
  /** Name in the layer. */
  readonly name: string;
  readonly path: string;
  /** The paths that `targets` and `exclude` can name: of its layer, and of the layer or cell inside that. */
  readonly places: readonly string[];
  readonly kind: LayerKind;
  /** Whether `targets` selects it with its layer; others are only selected by `targetWeights`. */
  readonly isDefault: boolean;
}

function adaptableWeights(layer: NamedLayer, method: LoraMethod): AdaptableWeight[] {
  const defaults = kernelsOf(layer.layer, method);
  return [...baseWeightsOf(layer.layer).keys()].flatMap((name) => {
    const kind = kindOfWeight(layer.layer, name, method);
    if (!kind) return [];
    const inner = name.split('/').slice(0, -1);
    const places = [
      ...layerPaths(layer),
      ...inner.map((_, index) => weightPath(layer.path, inner.slice(0, index + 1).join('/'))),
    ];
    const path = weightPath(layer.path, name);
    return [{ name, path, places, kind, isDefault: defaults.has(name) }];
  });
}

/** Returns the paths of a layer: its own, and for a wrapper such as Bidirectional also that of the layer inside it. */
export function layerPaths({ path, layer }: NamedLayer): string[] {
  const inner = (layer as { readonly layer?: tf.layers.Layer }).layer?.name;
  return inner === undefined ? [path] : [path, `${path}.${inner}`];
}

/** Returns the layers of a model that have weights. */
export function weightedLayers(model: AdaptableModel): NamedLayer[] {
  return namedLayers(model).filter(({ layer }) => layer.weights.length > 0);
}

/** Returns the value of the first pattern that matches one of a layer's paths, as PEFT's `rank_pattern`. */
export function patternValue(
  expressions: LayerExpressions,
  layer: NamedLayer,
  patterns: Readonly<Record<string, number>>,
): number | undefined {
  const paths = layerPaths(layer);
  return Object.entries(patterns).find(([pattern]) =>
    paths.some((path) => expressions.matchesEnd(pattern, path)),
  )?.[1];
}

/** Returns the path of a weight, such as `encoder.lstm.recurrent_kernel`, from that of its layer and its name there. */
export function weightPath(layerPath: string, weight: string): string {
  return `${layerPath}.${weight.replaceAll('/', '.')}`;
}

/**
 * Returns the path of an entry's layer, or that of its weight if other entries are about other weights of the layer.
 *
 * @param entries of a summary, an inspection or a list of targets
 */
export function placeOf(
  { path, weight }: { readonly path: string; readonly weight?: string },
  entries: readonly { readonly path: string; readonly weight?: string }[],
): string {
  const isShared = entries.some((entry) => entry.path === path && entry.weight !== weight);
  return weight !== undefined && isShared ? weightPath(path, weight) : path;
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

/** Whether a pattern of `targetWeights` matches the path of a weight. As in PEFT, a name in a list can be the end of it. */
function matchesWeightPattern(expressions: LayerExpressions, path: string, pattern: LayerPattern): boolean {
  if (Array.isArray(pattern)) return pattern.some((name) => isSuffix(path, name));
  return matchesPattern(expressions, path, pattern);
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
  const first = layers.findIndex((layer) => layerPaths(layer).some((path) => isPart(path, from)));
  if (first < 0) throw noMatch('from', from, layers);
  return layers.slice(first);
}

/** Throws what `error` returns for the first part of a pattern that matches nothing. */
function checkMatches(
  pattern: LayerPattern | undefined,
  matches: (part: LayerPattern) => boolean,
  error: (part: LayerPattern) => UsageError,
): void {
  if (pattern === undefined || pattern === 'all') return;
  const parts = Array.isArray(pattern) ? pattern.map((name) => [name]) : [pattern];
  const unmatched = parts.find((part) => !matches(part));
  if (unmatched !== undefined) throw error(unmatched);
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

function noWeightMatch(
  pattern: LayerPattern,
  weights: readonly AdaptableWeight[],
  introduction: string,
): UsageError {
  const text = Array.isArray(pattern) ? listNames(pattern) : printable(String(pattern));
  const list = listNames(
    weights.map(({ path }) => path),
    SHOWN_LAYERS,
  );
  return new UsageError(
    'invalid-argument',
    `targetWeights '${text}': matches no weight with two or more axes; ${introduction} ${list || 'none'}`,
  );
}
