import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type NamedLayer, namedWeights } from '../models/index.ts';
import type { ResolvedLoraConfig } from './config.ts';
import type { AdapterSettings } from './layers/adapter.ts';
import { ADAPTABLE, kindOf } from './layers/kinds.ts';
import { baseClassOf, isBias, type LayerKind } from './layers/lora-layer.ts';
import { patternValue, selectLayers } from './targets.ts';

/**
 * Decides what an adapter does on each layer. Changes nothing.
 *
 * @param adapter name of the adapter
 * @returns the settings of the adapter by layer path; layers without an entry have no part in it
 * @throws UsageError if a pattern matches no layer, or a layer does not support an option
 */
export function planAdapter(
  model: tf.LayersModel,
  config: ResolvedLoraConfig,
  adapter: string,
): Map<string, AdapterSettings> {
  const { candidates, modulesToSave, targets } = selectLayers(model, config);
  const plan = new Map<string, AdapterSettings>();
  for (const target of targets) plan.set(target.path, lowRankSettings(target, config, adapter));
  for (const { path, layer } of modulesToSave) {
    if (!(baseClassOf(layer) in ADAPTABLE))
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
  return plan;
}

/** Settings of an adapter with A and B on a layer. */
function lowRankSettings(target: NamedLayer, config: ResolvedLoraConfig, name: string): AdapterSettings {
  const { path, layer } = target;
  const kind = requireKind(target, config);
  const rank = patternValue(path, config.rankPattern) ?? config.rank;
  const kernel = namedWeights(layer).get(kind.kernelName)!;
  checkRankFits(path, rank, kind.matrixShape(kernel.shape as number[]), config);
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

function requireKind({ path, layer }: NamedLayer, { method, dora }: ResolvedLoraConfig): LayerKind {
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
  return kind;
}

function checkRankFits(
  path: string,
  rank: number,
  { inputs, outputs }: { readonly inputs: number; readonly outputs: number },
  { init }: ResolvedLoraConfig,
): void {
  const largest = Math.min(inputs, outputs);
  if (rank > largest)
    throw new UsageError(
      'rank-too-large',
      `layer '${path}': rank ${rank} is too large (${inputs} inputs, ${outputs} outputs); set a rank of at most ${largest} for it in rankPattern`,
    );
  if (init === 'lora-ga' && 2 * rank > largest)
    throw new UsageError(
      'rank-too-large',
      `layer '${path}': init 'lora-ga' needs 2 * rank singular vectors, and its kernel has ${largest} (rank ${rank}); set a lower rank for it in rankPattern`,
    );
  if (init === 'orthogonal' && rank % 2 > 0)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': init 'orthogonal' needs an even rank (${rank}); set one for it in rankPattern`,
    );
}

/** @throws UsageError if the layer has a bias that cannot be trained as a copy */
function hasTrainableBias(path: string, layer: tf.layers.Layer): boolean {
  const hasBias = [...namedWeights(layer).keys()].some((name) => isBias(name.replace(/.*\//, '')));
  if (!hasBias) return false;
  if (baseClassOf(layer) in ADAPTABLE) return true;
  throw new UsageError(
    'invalid-argument',
    `layer '${path}' (${baseClassOf(layer)}): its bias cannot be trained in an adapter; leave the layer out with 'exclude', or use bias 'lora-only'`,
  );
}
