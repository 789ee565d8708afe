import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { checkList, checkObject } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { variableOf } from '../models/index.ts';
import { createRandom, type Random, STREAMS } from '../random.ts';
import { checkNewName, requireAdapter } from './adapters.ts';
import {
  COMBINATION_TYPES,
  type CombinationType,
  type Combining,
  combineFactors,
  mergesFactors,
} from './combine-factors.ts';
import { checkChoice, checkRank } from './config.ts';
import type { AdapterSettings, KernelUpdate, LayerAdapter } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';
import { loraLayers, type NamedLoraLayer } from './lora-layers.ts';
import { hstack, valuesOf, vstack } from './math/linear-algebra.ts';
import { checkFiniteAdapter } from './merge.ts';
import { MAJORITY_SIGN_METHODS, type MajoritySignMethod } from './merge-tensors.ts';
import { type FactorPair, updateFactors } from './update.ts';

/** An adapter and its weight in a combination. */
export interface WeightedAdapter {
  readonly name: string;
  /** Factor of the adapter's update. A negative one subtracts it. */
  readonly weight: number;
}

/** Options of `addWeightedAdapter`. */
export interface AddWeightedAdapterOptions {
  /** Name of the new adapter. */
  readonly name: string;
  readonly adapters: readonly WeightedAdapter[];
  /**
   * How to combine the updates:
   *
   * - `cat`: exactly their weighted sum. Its rank is the sum of the ranks.
   * - `svd`: the best approximation of that sum with rank `rank`, padded with zeros above the rank of the sum.
   * - `linear`: adds the A matrices and the B matrices, each with the root of its weight. Needs equal ranks, and is not
   *   the sum of the updates.
   * - `magnitude_prune`: like `linear`, but sets all but the largest values of each matrix to zero first.
   * - `ties`: prunes in the same way, and averages only the values whose sign has the majority among the adapters (Yadav et
   *   al. 2023, arXiv:2306.01708).
   * - `dare_linear`, `dare_ties`: like `linear` and `ties`, but random values are kept, divided by `density` (Yu et al. 2024,
   *   arXiv:2311.03099).
   * - `ties_svd`, `dare_linear_svd`, `dare_ties_svd`, `magnitude_prune_svd`: do this with the updates instead of A and B,
   *   and approximate the result with rank `rank`. The ranks may differ. Computes an array of the kernel's size.
   */
  readonly type: CombinationType;
  /** For `svd` and types that end in `_svd`. Default: the largest rank of the adapters. */
  readonly rank?: number;
  /** Fraction of values to keep, for types with `ties`, `dare` or `prune`: above 0, at most 1. */
  readonly density?: number;
  /**
   * How types with `ties` find the sign of the majority: by the sum of the values (`total`, default), or by the number of
   * adapters (`frequency`).
   */
  readonly majoritySignMethod?: MajoritySignMethod;
  /** Chooses the values that types with `dare` keep. Default 0. */
  readonly seed?: number;
}

/**
 * Adds an inactive adapter that combines others, like PEFT's `add_weighted_adapter` (`svd` unclamped). Its alpha equals its
 * rank. Each matrix of a stack is combined by itself. Trained copies W_i of a base weight W become W + sum of weight_i·(W_i - W).
 *
 * @throws UsageError if the adapters cannot be combined; then nothing changes
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
  checkObject('options', options);
  checkOptions(model, options);
  // All layers are computed, and errors thrown, before the first one changes.
  const combinations = loraLayers(model).flatMap(
    (namedLayer, index) => combineAt(namedLayer, index, options) ?? [],
  );
  for (const combination of combinations) addCombination(combination);
}

function checkOptions(model: AdaptableModel, options: AddWeightedAdapterOptions): void {
  const { name, adapters, type } = options;
  checkNewName(model, name);
  checkList('adapters', adapters);
  if (adapters.length === 0)
    throw new UsageError('invalid-argument', `adapter '${name}': no adapters to combine; give at least one`);
  for (const adapter of adapters) {
    checkObject('adapter to combine', adapter);
    requireAdapter(model, adapter.name);
    if (!Number.isFinite(adapter.weight))
      throw new UsageError(
        'invalid-argument',
        `weight of adapter '${adapter.name}': must be finite (${adapter.weight})`,
      );
  }
  checkChoice('type', type, Object.keys(COMBINATION_TYPES));
  checkTypeOptions(options);
}

/** Checks the options that only some types have. */
function checkTypeOptions({
  type,
  rank,
  density,
  majoritySignMethod,
  seed,
}: AddWeightedAdapterOptions): void {
  const { svd, merge = {} }: Combining = COMBINATION_TYPES[type];
  const checkUsed = (option: string, value: unknown, isUsed: boolean | undefined) => {
    if (value !== undefined && !isUsed)
      throw new UsageError('invalid-argument', `${option}: not used by type '${type}'; leave it out`);
  };
  if (rank !== undefined && !svd)
    throw new UsageError(
      'invalid-argument',
      `rank: type '${type}' determines it; leave it out, or use a type with 'svd'`,
    );
  if (rank !== undefined) checkRank('rank', rank);
  checkUsed('density', density, merge.pruning !== undefined);
  checkUsed('majoritySignMethod', majoritySignMethod, merge.electsSign);
  checkUsed('seed', seed, merge.pruning === 'random');
  if (merge.pruning && !(typeof density === 'number' && density > 0 && density <= 1))
    throw new UsageError(
      'invalid-argument',
      `density: type '${type}' needs the fraction of values to keep, above 0 and at most 1 (${density})`,
    );
  if (majoritySignMethod !== undefined)
    checkChoice('majoritySignMethod', majoritySignMethod, MAJORITY_SIGN_METHODS);
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new UsageError('invalid-argument', `seed: must be a whole number (${seed})`);
}

/** One of the adapters on a layer. */
interface Part {
  readonly adapter: LayerAdapter;
  readonly weight: number;
}

/** The update of a kernel by one of the adapters. */
interface UpdatePart extends Part {
  readonly update: KernelUpdate;
}

/** The new adapter on a layer. */
interface Combination {
  readonly layer: LoraLayer;
  readonly settings: AdapterSettings;
  readonly parts: readonly Part[];
  /** Those of each matrix, by the names of the kernels; empty if no part has A and B on this layer. */
  readonly factors: ReadonlyMap<string, readonly FactorPair[]>;
}

/**
 * Returns undefined if none of the adapters is on the layer.
 *
 * @param index of the layer, which has its own random numbers
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
  const [first] = parts;
  if (!first) return undefined;
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
  const rank = Math.max(0, ...[...factors.values()].flat().map(({ a }) => a.columns));
  const copied = parts.map(({ adapter }) => adapter.settings.trainedCopies);
  const settings: AdapterSettings = {
    ...first.adapter.settings,
    name: options.name,
    kernels: kernelsOf(parts, factors),
    rank,
    alpha: Math.max(1, rank),
    rslora: false,
    subtractsInitialUpdate: false,
    trainedCopies: copied.includes('all') ? 'all' : copied.includes('bias') ? 'bias' : 'none',
    strength: 1,
    active: false,
  };
  return { layer, settings, parts, factors };
}

/** The kernels that the combination updates; undefined if these are the ones that the layer updates by default. */
function kernelsOf(
  parts: readonly Part[],
  factors: ReadonlyMap<string, readonly FactorPair[]>,
): AdapterSettings['kernels'] {
  if (parts.every(({ adapter }) => !adapter.settings.kernels)) return undefined;
  return [...factors.keys()].map((name) => ({ name }));
}

function addCombination({ layer, settings, parts, factors }: Combination): void {
  const adapter = layer.addAdapter(settings);
  tf.tidy(() => {
    for (const [kernel, update] of adapter.updates) {
      const matrices = factors.get(kernel)!.map((pair) => withRank(pair, settings.rank));
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

/** Adds zeros to the factors up to a rank: all kernels of a layer have the same one. */
function withRank({ a, b }: FactorPair, rank: number): FactorPair {
  if (a.columns === rank) return { a, b };
  return {
    a: hstack(a, Matrix.zeros(a.rows, rank - a.columns)),
    b: vstack(b, Matrix.zeros(rank - b.rows, b.columns)),
  };
}

/** Combines the updates of each matrix of a kernel. */
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

/** Returns W + sum of weight·(copy - W), in the shape of W. */
function combineCopies(base: tf.Tensor, name: string, parts: readonly Part[]): tf.Tensor {
  return parts.reduce((sum, { adapter, weight }) => {
    const copy = adapter.trainedCopies.get(name);
    return copy ? tf.add(sum, tf.mul(tf.sub(copy.read(), base), weight)) : sum;
  }, base);
}

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

/** @throws UsageError if the A and B of the parts cannot be merged with each other */
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
