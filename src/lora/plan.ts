import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { type NamedLayer, namedWeights } from '../models/index.ts';
import type { LayerExpressions } from '../patterns/index.ts';
import type { ResolvedLoraConfig } from './config.ts';
import { type AdapterSettings, isBias } from './layers/adapter.ts';
import { ADAPTABLE, kindOf, kindsOf } from './layers/kinds.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseClassOf } from './layers/lora-layer.ts';
import { checkRankFits, type LayerRank, rankWarning } from './rank.ts';
import { patternValue, selectLayers } from './targets.ts';

/**
 * Decides what an adapter does on each layer. Changes nothing.
 *
 * @param adapter name of the adapter
 * @param onWarning called with one line if a rank is larger than a layer can use
 * @returns the settings of the adapter by layer path; layers without an entry have no part in it
 * @throws UsageError if a pattern matches no layer, or a layer does not support an option
 */
export function planAdapter(
  model: AdaptableModel,
  config: ResolvedLoraConfig,
  adapter: string,
  onWarning: (message: string) => void = () => {},
): Map<string, AdapterSettings> {
  const { candidates, modulesToSave, targets, expressions } = selectLayers(model, config);
  const plan = new Map<string, AdapterSettings>();
  const ranks = targets.map((target) => layerRank(target, config, expressions));
  for (const layer of ranks) {
    checkRankFits(layer, config);
    const alpha = patternValue(expressions, layer.path, config.alphaPattern) ?? config.alpha;
    plan.set(layer.path, lowRankSettings(layer, { ...config, alpha }, adapter));
  }
  for (const { path, layer } of modulesToSave) {
    if (!kindsOf(layer))
      throw new UsageError(
        'invalid-argument',
        `layer '${path}' (${baseClassOf(layer)}): cannot be in modulesToSave; remove it`,
      );
    plan.set(path, copySettings(adapter, 'all'));
  }
  if (config.bias === 'all') {
    for (const { path, layer } of candidates)
      if (!plan.has(path) && hasTrainableBias(path, layer)) plan.set(path, copySettings(adapter, 'bias'));
  }
  if (isLayeredGraphModel(model))
    model.requireGradients(candidates.filter(({ path }) => plan.has(path)).map(({ layer }) => layer));
  const warning = rankWarning(adapter, ranks);
  if (warning !== undefined) onWarning(warning);
  return plan;
}

/** The rank of an adapter on a target. */
function layerRank(target: NamedLayer, config: ResolvedLoraConfig, expressions: LayerExpressions): LayerRank {
  const { path, layer } = target;
  const kind = requireKind(target, config);
  const kernel = namedWeights(layer).get(kind.kernelName)!;
  const rank = patternValue(expressions, path, config.rankPattern) ?? config.rank;
  return { path, rank, ...kind.matrixShape(kernel.shape as number[]) };
}

/** Settings of an adapter with A and B on a layer. */
function lowRankSettings({ rank }: LayerRank, config: ResolvedLoraConfig, name: string): AdapterSettings {
  return {
    name,
    rank,
    alpha: config.alpha,
    rslora: config.rslora,
    dropout: config.dropout,
    dora: config.dora,
    subtractsInitialUpdate: ['pissa', 'olora', 'lora-ga'].includes(config.init),
    trainedCopies: config.bias === 'none' ? 'none' : 'bias',
    strength: 1,
    active: true,
  };
}

/** Settings of an adapter that only trains copies of a layer's weights. */
function copySettings(name: string, trainedCopies: 'bias' | 'all'): AdapterSettings {
  return {
    name,
    rank: 0,
    alpha: 1,
    rslora: false,
    dropout: 0,
    dora: false,
    subtractsInitialUpdate: false,
    trainedCopies,
    strength: 1,
    active: true,
  };
}

function requireKind(
  { path, layer }: NamedLayer,
  { method, dora, dropout, init }: ResolvedLoraConfig,
): LayerKind {
  const kind = kindOf(layer, method);
  const className = baseClassOf(layer);
  if (!kind) {
    const supported = Object.entries(ADAPTABLE).flatMap(([name, kinds]) => (kinds[method] ? [name] : []));
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' (${className}): does not support method '${method}'; supported are ${supported.join(', ')}`,
    );
  }
  if (dora && !kind.normAxes)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' (${className}): does not support DoRA; leave the layer out with 'exclude'`,
    );
  if (dropout > 0 && 'kinds' in layer)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' (${className}): does not support dropout, because its update is added to the kernel; leave it out`,
    );
  if (kind.name === 'matrices' && !['kaiming', 'gaussian', 'normal'].includes(init))
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' (${className}): several matrices in one kernel do not support init '${init}'; use 'kaiming', 'gaussian' or 'normal'`,
    );
  return kind;
}

/** @throws UsageError if the layer has a bias that cannot be trained as a copy */
function hasTrainableBias(path: string, layer: tf.layers.Layer): boolean {
  const hasBias = [...namedWeights(layer).keys()].some((name) => isBias(name.replace(/.*\//, '')));
  if (!hasBias) return false;
  if (kindsOf(layer)) return true;
  throw new UsageError(
    'invalid-argument',
    `layer '${path}' (${baseClassOf(layer)}): its bias cannot be trained in an adapter; leave the layer out with 'exclude', or use bias 'lora-only'`,
  );
}
