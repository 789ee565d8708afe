import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { variableOf } from '../models/index.ts';
import { createRandom, type Random, STREAMS } from '../random.ts';
import { type CombinationType, combineFactors, mergesFactors } from './combine-factors.ts';
import type { AdapterSettings, KernelUpdate, LayerAdapter } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';
import { loraLayers, type NamedLoraLayer } from './lora-layers.ts';
import { hstack, valuesOf, vstack } from './math/linear-algebra.ts';
import { checkFiniteAdapter } from './merge.ts';
import { type FactorPair, updateFactors } from './update.ts';
import { type AddWeightedAdapterOptions, checkWeightedAdapterOptions } from './weighted-adapter-options.ts';

/**
 * Adds an inactive adapter that combines others, as PEFT's `add_weighted_adapter` with `svd_clamp=None`. Its scaling is 1. The
 * matrices of a stack are combined one by one. Trained copies C_i of a base weight W become W + sum_i weight_i·(C_i - W).
 *
 * @throws UsageError if the adapters cannot be combined; then nothing changes
 * @throws CheckpointError if one of them contains NaN or Inf; then nothing changes
 *
 * @example
 * addWeightedAdapter(model, {
 *   name: 'both',
 *   type: 'cat',
 *   adapters: [
 *     { name: 'north', weight: 0.5 },
 *     { name: 'south', weight: 0.5 },
 *   ],
 * });
 * setActiveAdapters(model, ['both']);
 */
export function addWeightedAdapter(model: AdaptableModel, options: AddWeightedAdapterOptions): void {
  checkWeightedAdapterOptions(model, options);
  // All layers are computed, and errors thrown, before the first one changes.
  const combinations = loraLayers(model).flatMap(
    (namedLayer, index) => combineAt(namedLayer, index, options) ?? [],
  );
  for (const combination of combinations) addCombination(combination);
}

/** One of the adapters to combine, on one layer. */
interface Part {
  readonly adapter: LayerAdapter;
  readonly weight: number;
}

/** A part that updates a certain kernel. */
interface UpdatePart extends Part {
  readonly update: KernelUpdate;
}

/** The new adapter on one layer. */
interface Combination {
  readonly layer: LoraLayer;
  readonly settings: AdapterSettings;
  readonly parts: readonly Part[];
  /** A and B of each matrix, by the names of the kernels; empty if no part has A and B on this layer. */
  readonly factors: ReadonlyMap<string, readonly FactorPair[]>;
}

/**
 * Combines the adapters on one layer.
 *
 * @param index position of the layer, for a random stream of its own
 * @returns undefined if the layer has none of the adapters
 * @throws UsageError if the adapters cannot be combined
 * @throws CheckpointError if an adapter contains NaN or Inf
 */
function combineAt(
  { path, layer }: NamedLoraLayer,
  index: number,
  options: AddWeightedAdapterOptions,
): Combination | undefined {
  const parts = options.adapters.flatMap(({ name, weight }) => {
    const adapter = layer.adapters.get(name);
    return adapter ? [{ adapter, weight }] : [];
  });
  if (parts.length === 0) return undefined;
  const factors = new Map<string, FactorPair[]>();
  const random = createRandom(options.seed ?? 0, index, STREAMS.dare);
  for (const kernel of new Set(parts.flatMap(({ adapter }) => [...adapter.updates.keys()]))) {
    const updateParts = parts.flatMap((part) => {
      const update = part.adapter.updates.get(kernel);
      return update ? [{ ...part, update }] : [];
    });
    for (const part of updateParts) checkCombinable(path, layer, part);
    if (mergesFactors(options.type)) checkMergeable(path, options.type, updateParts);
    factors.set(kernel, combineUpdates(layer, updateParts, random, options));
  }
  return { layer, settings: combinedSettings(options.name, parts, factors), parts, factors };
}

/** Returns the settings of the new adapter on one layer. Those that are not combined are the first adapter's, as in PEFT. */
function combinedSettings(
  name: string,
  parts: readonly Part[],
  factors: ReadonlyMap<string, readonly FactorPair[]>,
): AdapterSettings {
  const rank = Math.max(0, ...[...factors.values()].flat().map(({ a }) => a.columns));
  const settings = parts.map(({ adapter }) => adapter.settings);
  const hasDefaultKernels = settings.every(({ kernels }) => !kernels);
  const copied = settings.map(({ trainedCopies }) => trainedCopies);
  return {
    ...settings[0]!,
    name,
    kernels: hasDefaultKernels ? undefined : [...factors.keys()].map((kernel) => ({ name: kernel })),
    rank,
    alpha: Math.max(1, rank),
    rslora: false,
    subtractsInitialUpdate: false,
    trainedCopies: copied.includes('all') ? 'all' : copied.includes('bias') ? 'bias' : 'none',
    strength: 1,
    active: false,
  };
}

/** Adds the new adapter to its layer, and assigns its weights. */
function addCombination({ layer, settings, parts, factors }: Combination): void {
  const adapter = layer.addAdapter(settings);
  tf.tidy(() => {
    for (const [kernel, update] of adapter.updates) {
      const matrices = factors.get(kernel)!.map((pair) => padToRank(pair, settings.rank));
      const assign = (variable: tf.LayerVariable, values: readonly Matrix[]) => {
        const tensors = values.map((matrix) => tf.tensor(valuesOf(matrix)));
        variableOf(variable).assign(tf.reshape(tf.concat(tensors), variable.shape as number[]));
      };
      assign(
        update.a,
        matrices.map(({ a }) => a),
      );
      assign(
        update.b,
        matrices.map(({ b }) => b),
      );
    }
    for (const [name, copy] of adapter.trainedCopies)
      variableOf(copy).assign(combineCopies(layer.baseWeights.get(name)!.read(), name, parts));
  });
}

/** Pads A and B with zeros to a rank, because all kernels of a layer have the same one. */
function padToRank({ a, b }: FactorPair, rank: number): FactorPair {
  if (a.columns === rank) return { a, b };
  return {
    a: hstack(a, Matrix.zeros(a.rows, rank - a.columns)),
    b: vstack(b, Matrix.zeros(rank - b.rows, b.columns)),
  };
}

/** Combines the updates of a kernel. Returns A and B of each of its matrices: one, or several for a stack. */
function combineUpdates(
  layer: LoraLayer,
  parts: readonly UpdatePart[],
  random: Random,
  { type, rank, density = 1, majoritySignMethod = 'total' }: AddWeightedAdapterOptions,
): FactorPair[] {
  const largestRank = Math.max(...parts.map(({ adapter }) => adapter.settings.rank));
  const updates = parts.map(({ adapter, update, weight }) =>
    updateFactors(layer, adapter.settings, update).map((pair) => ({ ...pair, weight })),
  );
  return updates[0]!.map((_, matrix) =>
    combineFactors(
      updates.map((pairs) => pairs[matrix]!),
      type,
      rank ?? largestRank,
      { density, majoritySignMethod, random },
    ),
  );
}

/**
 * Combines the trained copies of a weight: W + sum_i weight_i·(C_i - W), in the shape of W.
 *
 * @param base W
 * @param name of the weight in the base layer
 */
function combineCopies(base: tf.Tensor, name: string, parts: readonly Part[]): tf.Tensor {
  return parts.reduce((sum, { adapter, weight }) => {
    const copy = adapter.trainedCopies.get(name);
    return copy ? tf.add(sum, tf.mul(tf.sub(copy.read(), base), weight)) : sum;
  }, base);
}

/**
 * @throws UsageError if an adapter is of a kind that cannot be combined
 * @throws CheckpointError if it contains NaN or Inf
 */
function checkCombinable(path: string, layer: LoraLayer, { adapter, update }: UpdatePart): void {
  const { settings } = adapter;
  if (update.magnitude)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': DoRA adapters cannot be combined ('${settings.name}')`,
    );
  if (layer.method === 'weight-view')
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': adapters of method 'weight-view' cannot be combined, because their updates are not of low rank`,
    );
  checkFiniteAdapter(path, adapter);
}

/** @throws UsageError if A cannot be merged with A and B with B, because the adapters differ */
function checkMergeable(path: string, type: CombinationType, parts: readonly Part[]): void {
  const ranks = [...new Set(parts.map(({ adapter }) => adapter.settings.rank))];
  if (ranks.length > 1)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': type '${type}' needs adapters of equal ranks (${ranks.join(', ')}); use 'cat' or a type with 'svd'`,
    );
  const subtracting = parts.find(({ adapter }) => adapter.settings.subtractsInitialUpdate);
  if (subtracting)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': type '${type}' does not support adapters that subtract their initial update ('${subtracting.adapter.settings.name}'); use 'cat' or a type with 'svd'`,
    );
}
