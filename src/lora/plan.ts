import type * as tf from '@tensorflow/tfjs';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { checkSupport } from './check-support.ts';
import type { ResolvedLoraConfig } from './config.ts';
import { type AdapterSettings, isBias } from './layers/adapter.ts';
import { kernelsOf } from './layers/kernels.ts';
import { baseWeightsOf } from './layers/lora-layer.ts';
import { weightPath } from './paths.ts';
import { checkRankFits, type LayerRank, rankWarning } from './rank.ts';
import { selectLayers, type TargetLayer } from './select-layers.ts';

/**
 * Decides what an adapter does on each layer. Changes nothing.
 *
 * @param adapter name of the adapter
 * @param onWarning called with one line if a rank is larger than a layer can use
 * @returns the settings of the adapter by layer path; it does not change layers without an entry
 * @throws UsageError if a pattern matches no layer, or a layer does not support an option
 */
export function planAdapter(
  model: AdaptableModel,
  config: ResolvedLoraConfig,
  adapter: string,
  onWarning: (message: string) => void = () => {},
): Map<string, AdapterSettings> {
  const { candidates, modulesToSave, targets } = selectLayers(model, config);
  for (const target of targets) checkSupport(target, config);
  const ranks = targets.flatMap(kernelRanks);
  for (const kernel of ranks) checkRankFits(kernel, config);

  const plan = new Map<string, AdapterSettings>();
  for (const target of targets) plan.set(target.path, lowRankSettings(target, config, adapter));
  for (const { path } of modulesToSave) plan.set(path, copySettings(adapter, 'all'));
  if (config.bias === 'all') {
    for (const { path, layer } of candidates)
      if (!plan.has(path) && hasBias(layer)) plan.set(path, copySettings(adapter, 'bias'));
  }
  if (isLayeredGraphModel(model))
    model.requireGradients(candidates.filter(({ path }) => plan.has(path)).map(({ layer }) => layer));
  const warning = rankWarning(adapter, ranks);
  if (warning !== undefined) onWarning(warning);
  return plan;
}

/** Whether a layer has a weight that PyTorch calls a bias. */
export function hasBias(layer: tf.layers.Layer): boolean {
  return [...baseWeightsOf(layer).keys()].some(isBias);
}

/** Returns the rank on each kernel of a target, with the kernel's size. */
function kernelRanks({ path, layer, kernels, rank }: TargetLayer): LayerRank[] {
  const weights = baseWeightsOf(layer);
  return [...kernels].map(([name, kind]) => ({
    path: kernels.size > 1 ? weightPath(path, name) : path,
    rank,
    ...kind.matrixShape(weights.get(name)!.shape as number[]),
  }));
}

/** Returns the settings of an adapter with A and B on a layer. */
function lowRankSettings(
  { layer, kernels, rank, alpha }: TargetLayer,
  { method, rslora, dropout, dora, init, bias }: ResolvedLoraConfig,
  name: string,
): AdapterSettings {
  const defaults = kernelsOf(layer, method);
  const isDefault =
    defaults.size === kernels.size && [...defaults.keys()].every((kernel) => kernels.has(kernel));
  return {
    name,
    rank,
    ...(!isDefault && { kernels: [...kernels.keys()].map((kernel) => ({ name: kernel })) }),
    alpha,
    rslora,
    dropout,
    dora,
    subtractsInitialUpdate: ['pissa', 'olora', 'lora-ga'].includes(init),
    trainedCopies: bias === 'none' ? 'none' : 'bias',
    strength: 1,
    active: true,
  };
}

/** Returns the settings of an adapter that only trains copies of a layer's weights. */
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
