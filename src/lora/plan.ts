import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import type { LayerExpressions } from '../patterns/index.ts';
import { listNames } from '../quote.ts';
import type { LoraMethod, ResolvedLoraConfig } from './config.ts';
import { type AdapterSettings, isBias } from './layers/adapter.ts';
import { classesWithKernels, kernelsOf, kindOfWeight } from './layers/kinds.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseClassOf, baseWeightsOf } from './layers/lora-layer.ts';
import { checkRankFits, type LayerRank, rankWarning } from './rank.ts';
import { patternValue, selectLayers, type TargetLayer, weightPath } from './targets.ts';

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
  for (const target of targets) checkSupport(target, config);
  const ranks = targets.flatMap((target) => kernelRanks(target, config, expressions));
  for (const kernel of ranks) checkRankFits(kernel, config);
  for (const target of targets) {
    const rank = patternValue(expressions, target, config.rankPattern) ?? config.rank;
    const alpha = patternValue(expressions, target, config.alphaPattern) ?? config.alpha;
    plan.set(target.path, lowRankSettings(target, { ...config, rank, alpha }, adapter));
  }
  for (const { path } of modulesToSave) plan.set(path, copySettings(adapter, 'all'));
  if (config.bias === 'all') {
    for (const { path, layer } of candidates)
      if (!plan.has(path) && [...baseWeightsOf(layer).keys()].some(isBias))
        plan.set(path, copySettings(adapter, 'bias'));
  }
  if (isLayeredGraphModel(model))
    model.requireGradients(candidates.filter(({ path }) => plan.has(path)).map(({ layer }) => layer));
  const warning = rankWarning(adapter, ranks);
  if (warning !== undefined) onWarning(warning);
  return plan;
}

/** The rank of an adapter on each kernel of a target. */
function kernelRanks(
  target: TargetLayer,
  config: ResolvedLoraConfig,
  expressions: LayerExpressions,
): LayerRank[] {
  const rank = patternValue(expressions, target, config.rankPattern) ?? config.rank;
  const weights = baseWeightsOf(target.layer);
  return [...target.kernels].map(([name, kind]) => ({
    path: target.kernels.size > 1 ? weightPath(target.path, name) : target.path,
    rank,
    ...kind.matrixShape(weights.get(name)!.shape as number[]),
  }));
}

/** Settings of an adapter with A and B on a layer. */
function lowRankSettings(
  { layer, kernels }: TargetLayer,
  config: ResolvedLoraConfig,
  name: string,
): AdapterSettings {
  const defaults = kernelsOf(layer, config.method);
  const isDefault =
    defaults.size === kernels.size && [...defaults.keys()].every((kernel) => kernels.has(kernel));
  return {
    name,
    rank: config.rank,
    ...(!isDefault && { kernels: [...kernels.keys()].map((kernel) => ({ name: kernel })) }),
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
export function copySettings(name: string, trainedCopies: 'bias' | 'all'): AdapterSettings {
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

/** @throws UsageError if a layer does not support an option */
function checkSupport({ path, layer, kernels }: TargetLayer, config: ResolvedLoraConfig): void {
  const { method } = config;
  const place = `layer '${path}' (${baseClassOf(layer)})`;
  if (kernels.size === 0) throw unsupported(place, path, layer, method);
  for (const [name, kind] of kernels)
    checkKernel(kernels.size > 1 ? `weight '${weightPath(path, name)}'` : place, kind, config);
}

/** The error about a layer that was named in `targets`, but has no kernel that is updated by default. */
function unsupported(place: string, path: string, layer: tf.layers.Layer, method: LoraMethod): UsageError {
  const weights = [...baseWeightsOf(layer).keys()]
    .filter((name) => kindOfWeight(layer, name, method))
    .map((name) => weightPath(path, name));
  const remedy =
    weights.length > 0
      ? `name its weights in targetWeights: ${listNames(weights)}`
      : `supported are ${classesWithKernels(method).join(', ')}`;
  return new UsageError(
    'invalid-argument',
    `${place}: does not support method '${method}' by default; ${remedy}`,
  );
}

/**
 * @param place names the layer or weight in errors
 * @throws UsageError if the kind of a kernel does not support an option
 */
function checkKernel(place: string, kind: LayerKind, { dora, dropout, init }: ResolvedLoraConfig): void {
  if (dora && !kind.normAxes)
    throw new UsageError(
      'invalid-argument',
      `${place}: does not support DoRA; leave the layer out with 'exclude'`,
    );
  if (dropout > 0 && !kind.lowRankForward)
    throw new UsageError(
      'invalid-argument',
      `${place}: does not support dropout, because its update is added to the kernel; leave it out`,
    );
  if (kind.name === 'matrices' && !['kaiming', 'gaussian', 'normal', 'eva'].includes(init))
    throw new UsageError(
      'invalid-argument',
      `${place}: several matrices in one kernel do not support init '${init}'; use 'kaiming', 'gaussian' or 'normal'`,
    );
}
