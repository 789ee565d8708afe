import type { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import type { NamedLayer } from '../models/index.ts';
import { type AdaptableWeight, adaptableWeights, weightedLayers } from './adaptable-weights.ts';
import type { LayerPattern, ResolvedLoraConfig } from './config.ts';
import { kernelsOf } from './layers/kernels.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { ADAPTED, IN_MODEL, noLayerMatch, noWeightMatch, REMAINING } from './no-match.ts';
import { isPart, layerPaths, weightPath } from './paths.ts';
import { PatternMatcher } from './pattern-matcher.ts';

/** A layer to give A and B. */
export interface TargetLayer extends NamedLayer {
  /**
   * The weights that get A and B, by their names in the layer. Empty if `targets` names a layer whose class has no kernels:
   * the caller reports that.
   */
  readonly kernels: ReadonlyMap<string, LayerKind>;
  /** From `rankPattern` or `rank`. */
  readonly rank: number;
  /** From `alphaPattern` or `alpha`. */
  readonly alpha: number;
}

/** The layers that a configuration selects. */
export interface SelectedLayers {
  /** All layers with weights, except those that `exclude` and `from` leave unchanged. */
  readonly candidates: readonly NamedLayer[];
  /** Candidates to train in full (`modulesToSave`). */
  readonly modulesToSave: readonly NamedLayer[];
  /** Other candidates to give A and B. */
  readonly targets: readonly TargetLayer[];
}

/**
 * Selects layers and weights by the patterns of a configuration. Every pattern and every listed name must match something,
 * so that typos are not silently ignored.
 *
 * @throws UsageError if a pattern matches nothing or is not a valid regular expression
 */
export function selectLayers(model: AdaptableModel, config: ResolvedLoraConfig): SelectedLayers {
  const layers = weightedLayers(model);
  const weights = layers.flatMap((layer) => adaptableWeights(layer, config.method));
  const matcher = new PatternMatcher([
    ...layers.flatMap(layerPaths),
    ...weights.flatMap((weight) => [weight.path, ...weight.layerPaths]),
  ]);
  checkPatterns(config, matcher, layers, weights);

  const candidates = layersFrom(model, layers, config.from).filter(
    (layer) => !matcher.selects(config.exclude, layerPaths(layer)),
  );
  const modulesToSave = candidates.filter((layer) =>
    matcher.selects(config.modulesToSave, layerPaths(layer)),
  );
  if (config.modulesToSave && modulesToSave.length === 0)
    throw noLayerMatch('modulesToSave', config.modulesToSave, candidates, REMAINING);

  const remaining = candidates.filter((candidate) => !modulesToSave.includes(candidate));
  const targets = remaining.flatMap((layer) => targetLayer(layer, config, matcher) ?? []);
  checkTargets(config, matcher, remaining, targets);
  return { candidates, modulesToSave, targets };
}

/** Returns a layer with its weights to give A and B; undefined if no option selects one. */
function targetLayer(
  layer: NamedLayer,
  config: ResolvedLoraConfig,
  matcher: PatternMatcher,
): TargetLayer | undefined {
  const { method, targets, targetWeights, exclude, rankPattern, alphaPattern } = config;
  const paths = layerPaths(layer);
  const kernels = adaptableWeights(layer, method).filter(
    (weight) =>
      !matcher.selects(exclude, [weight.path, ...weight.layerPaths]) &&
      ((weight.isDefault && matcher.selects(targets, weight.layerPaths)) ||
        matcher.matchesExactly(targetWeights, [weight.path])),
  );
  // A target also if its class has no kernels, so that the caller reports it instead of ignoring it.
  const isUnsupported =
    targets !== 'all' && matcher.matchesExactly(targets, paths) && kernelsOf(layer.layer, method).size === 0;
  if (kernels.length === 0 && !isUnsupported) return undefined;
  return {
    ...layer,
    kernels: new Map(kernels.map(({ name, kind }) => [name, kind])),
    rank: matcher.valueFor(rankPattern, paths) ?? config.rank,
    alpha: matcher.valueFor(alphaPattern, paths) ?? config.alpha,
  };
}

/**
 * Returns the first layer that `from` names and all after it, or in a GraphModel the layers that depend on this node.
 *
 * @throws UsageError if there is no such layer or node
 */
function layersFrom(
  model: AdaptableModel,
  layers: readonly NamedLayer[],
  from: string | undefined,
): readonly NamedLayer[] {
  if (from === undefined) return layers;
  if (isLayeredGraphModel(model)) {
    const behind = model.layersBehind(from);
    if (!behind) throw noLayerMatch('from', from, layers, IN_MODEL);
    return layers.filter(({ layer }) => behind.has(layer));
  }
  const first = layers.findIndex((layer) => layerPaths(layer).some((path) => isPart(path, from)));
  if (first < 0) throw noLayerMatch('from', from, layers, IN_MODEL);
  return layers.slice(first);
}

/** @throws UsageError if a pattern or a listed name matches nothing in the model */
function checkPatterns(
  config: ResolvedLoraConfig,
  matcher: PatternMatcher,
  layers: readonly NamedLayer[],
  weights: readonly AdaptableWeight[],
): void {
  const paths = layers.flatMap(layerPaths);
  const innerPaths = weights.flatMap((weight) => weight.layerPaths);
  const weightPaths = weights.map(({ path }) => path);
  const checkLayers = (option: 'exclude' | 'modulesToSave' | 'targets', matchable: readonly string[]) =>
    checkParts(
      config[option],
      (part) => matcher.selects(part, matchable),
      (part) => noLayerMatch(option, part, layers, IN_MODEL),
    );
  checkLayers('exclude', [...paths, ...innerPaths, ...weightPaths]);
  checkLayers('modulesToSave', paths);
  checkLayers('targets', [...paths, ...innerPaths]);
  checkParts(
    config.targetWeights,
    (part) => matcher.matchesExactly(part, weightPaths),
    (part) => noWeightMatch(part, weights, IN_MODEL),
  );
}

/** Throws what `error` returns for an expression, or for the first name of a list, that matches nothing. */
function checkParts(
  pattern: LayerPattern | undefined,
  matches: (part: LayerPattern) => boolean,
  error: (part: LayerPattern) => UsageError,
): void {
  if (pattern === undefined) return;
  const parts = Array.isArray(pattern) ? pattern.map((name) => [name]) : [pattern];
  const unmatched = parts.find((part) => !matches(part));
  if (unmatched !== undefined) throw error(unmatched);
}

/**
 * @throws UsageError if `targets` or `targetWeights` match only what other options leave out, or a key of `rankPattern` or
 *   `alphaPattern` matches no target
 */
function checkTargets(
  config: ResolvedLoraConfig,
  matcher: PatternMatcher,
  remaining: readonly NamedLayer[],
  targets: readonly TargetLayer[],
): void {
  const { targetWeights, method } = config;
  const adaptedWeights = targets.flatMap(({ path, kernels }) =>
    [...kernels.keys()].map((kernel) => weightPath(path, kernel)),
  );
  if (targetWeights !== undefined && !matcher.matchesExactly(targetWeights, adaptedWeights)) {
    const weights = remaining.flatMap((layer) => adaptableWeights(layer, method));
    throw noWeightMatch(targetWeights, weights, REMAINING);
  }
  if (targets.length === 0) throw noLayerMatch('targets', config.targets, remaining, REMAINING);
  for (const option of ['rankPattern', 'alphaPattern'] as const) {
    const unused = Object.keys(config[option]).find(
      (key) => !matcher.matchesKey(key, targets.flatMap(layerPaths)),
    );
    if (unused !== undefined) throw noLayerMatch(option, unused, targets, ADAPTED);
  }
}
