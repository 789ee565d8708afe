import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type NamedLayer, namedLayers, namedWeights } from '../models/index.ts';
import type { LayerPattern, ResolvedLoraConfig } from './config.ts';
import type { AdapterSettings } from './layers/adapter.ts';
import type { LayerKind } from './layers/kind.ts';
import { baseClassOf } from './layers/lora-layer.ts';
import { isBias, kernelName } from './layers/names.ts';
import { ADAPTABLE } from './layers/register.ts';
import { fitsPattern, isSuffix, matchesPattern, patternValue } from './targets.ts';

/**
 * Decides what each layer gets, by path, and changes nothing.
 *
 * @throws UsageError naming the layer or option at fault
 */
export function planAdapter(
  model: tf.LayersModel,
  config: ResolvedLoraConfig,
  adapter: string,
): Map<string, AdapterSettings> {
  const layers = namedLayers(model).filter(({ layer }) => layer.weights.length > 0);
  for (const option of ['exclude', 'modulesToSave', 'targets'] as const)
    requireMatches(option, config[option], layers);
  const candidates = layersFrom(layers, config).filter(({ path }) => !matches(path, config.exclude));
  const saved = candidates.filter(({ path }) => matches(path, config.modulesToSave));
  if (config.modulesToSave && saved.length === 0)
    throw noMatch('modulesToSave', config.modulesToSave, candidates, LEFT_OVER);
  const others = candidates.filter((placed) => !saved.includes(placed));
  const targets = others.filter((placed) => isTarget(placed, config));
  if (targets.length === 0) throw noMatch('targets', config.targets, others, LEFT_OVER);
  for (const target of targets) checkTarget(target, config);
  for (const option of ['rankPattern', 'alphaPattern'] as const) {
    for (const pattern of Object.keys(config[option])) {
      if (!targets.some(({ path }) => fitsPattern(path, pattern))) throw noMatch(option, pattern, targets);
    }
  }
  const plan = new Map<string, AdapterSettings>();
  for (const { path, layer } of targets) plan.set(path, lowRankSettings(path, layer, config, adapter));
  for (const { path, layer } of saved) {
    if (!(baseClassOf(layer) in ADAPTABLE))
      throw new UsageError(
        'invalid-argument',
        `layer '${path}' (${baseClassOf(layer)}) cannot be trained whole beside an adapter`,
      );
    plan.set(path, { ...weightless(adapter), trainedCopies: 'all' });
  }
  if (config.bias === 'all') {
    for (const { path, layer } of candidates) {
      if (plan.has(path) || !trainsBias(path, layer)) continue;
      plan.set(path, { ...weightless(adapter), trainedCopies: 'bias' });
    }
  }
  return plan;
}

function layersFrom(layers: NamedLayer[], { from }: ResolvedLoraConfig): NamedLayer[] {
  if (from === undefined) return layers;
  const first = layers.findIndex(({ path }) => isSuffix(path, from));
  if (first < 0) throw noMatch('from', from, layers);
  return layers.slice(first);
}

function isTarget({ path, layer }: NamedLayer, { targets, method }: ResolvedLoraConfig): boolean {
  return targets === 'all' ? kindOf(layer, method) !== undefined : matchesPattern(path, targets);
}

function kindOf(layer: tf.layers.Layer, method: ResolvedLoraConfig['method']): LayerKind | undefined {
  return ADAPTABLE[baseClassOf(layer)]?.[method];
}

function checkTarget({ path, layer }: NamedLayer, { method, dora }: ResolvedLoraConfig): void {
  const kind = kindOf(layer, method);
  if (!kind) {
    const supported = Object.entries(ADAPTABLE).flatMap(([name, kinds]) => (kinds[method] ? [name] : []));
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' is a ${baseClassOf(layer)}, which has no adapter of method '${method}'; there are ${supported.join(', ')}`,
    );
  }
  if (dora && !kind.normAxes)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' (${baseClassOf(layer)}) has no DoRA form; leave it out by 'exclude'`,
    );
}

function lowRankSettings(
  path: string,
  layer: tf.layers.Layer,
  config: ResolvedLoraConfig,
  name: string,
): AdapterSettings {
  const rank = patternValue(path, config.rankPattern) ?? config.rank;
  const kind = kindOf(layer, config.method)!;
  const kernel = namedWeights(layer).get(kernelName(kind))!;
  const { inputs, outputs } = kind.sides(kernel.shape as number[]);
  const bound = Math.min(inputs, outputs);
  if (rank > bound)
    throw new UsageError(
      'invalid-argument',
      `rank is ${rank}, and layer '${path}' maps ${inputs} inputs to ${outputs} outputs; its rank can be at most ${bound}; give it one of its own with rankPattern (--rank-pattern ${path}=${bound})`,
    );
  if (config.init === 'lora-ga' && 2 * rank > bound)
    throw new UsageError(
      'invalid-argument',
      `rank of layer '${path}' is ${rank}; init 'lora-ga' takes twice as many singular vectors, and there are ${bound}`,
    );
  if (config.init === 'orthogonal' && rank % 2 > 0)
    throw new UsageError(
      'invalid-argument',
      `rank of layer '${path}' is ${rank}; init 'orthogonal' needs an even one`,
    );
  return {
    name,
    rank,
    alpha: patternValue(path, config.alphaPattern) ?? config.alpha,
    rslora: config.rslora,
    dropout: config.dropout,
    dora: config.dora,
    subtractsInitialUpdate: ['pissa', 'olora', 'lora-ga'].includes(config.init),
    trainedCopies: config.bias === 'none' ? 'none' : 'bias',
    strength: 1,
    active: true,
  };
}

function weightless(name: string): AdapterSettings {
  return {
    name,
    rank: 0,
    alpha: 1,
    rslora: false,
    dropout: 0,
    dora: false,
    subtractsInitialUpdate: false,
    trainedCopies: 'none',
    strength: 1,
    active: true,
  };
}

function trainsBias(path: string, layer: tf.layers.Layer): boolean {
  const biases = [...namedWeights(layer).keys()].filter((name) => isBias(name.replace(/.*\//, '')));
  if (biases.length === 0) return false;
  if (baseClassOf(layer) in ADAPTABLE) return true;
  throw new UsageError(
    'invalid-argument',
    `bias is 'all', and the bias of layer '${path}' (${baseClassOf(layer)}) cannot be trained beside the base; leave the layer out by 'exclude', or use bias 'lora-only'`,
  );
}

function matches(path: string, pattern: LayerPattern | undefined): boolean {
  return pattern !== undefined && (pattern === 'all' || matchesPattern(path, pattern));
}

/** Each name of a list has to be that of a layer: a misspelt one would leave out in silence what it means. */
function requireMatches(option: string, pattern: LayerPattern | undefined, layers: NamedLayer[]): void {
  if (pattern === undefined || pattern === 'all') return;
  const parts = Array.isArray(pattern) ? pattern.map((name) => [name]) : [pattern];
  const lone = parts.find((part) => !layers.some(({ path }) => matchesPattern(path, part)));
  if (lone !== undefined) throw noMatch(option, lone, layers);
}

/** Where a pattern fits only layers that other options have taken away. */
const LEFT_OVER = "what 'exclude', 'from' and 'modulesToSave' leave is";

function noMatch(
  option: string,
  pattern: LayerPattern,
  layers: readonly NamedLayer[],
  what = 'there are',
): UsageError {
  const wanted = Array.isArray(pattern) ? pattern.join(', ') : String(pattern);
  const list = layers.map(({ path, layer }) => `${path} (${baseClassOf(layer)})`).join(', ');
  return new UsageError(
    'invalid-argument',
    `no layer matches ${option} '${wanted}'; ${what} ${list || 'no layers with weights'}`,
  );
}
