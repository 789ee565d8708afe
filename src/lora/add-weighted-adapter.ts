import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { checkList, checkObject } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { variableOf } from '../models/index.ts';
import { checkNewName, requireAdapter } from './adapters.ts';
import { checkChoice, checkRank } from './config.ts';
import type { AdapterSettings, LayerAdapter } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';
import { loraLayers, type NamedLoraLayer } from './lora-layers.ts';
import { hstack, productSvd, valuesOf, vstack } from './math/linear-algebra.ts';
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
   */
  readonly type: 'cat' | 'svd' | 'linear';
  /** For `svd`. Default: the largest rank of the adapters. */
  readonly rank?: number;
}

/**
 * Adds an inactive adapter that combines others, like PEFT's `add_weighted_adapter` with `cat`, `svd` (unclamped) and
 * `linear`. Its alpha equals its rank. Trained copies W_i of a base weight W become W + sum of weight_i·(W_i - W).
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
  const combinations = loraLayers(model).flatMap((namedLayer) => combineAt(namedLayer, options) ?? []);
  for (const combination of combinations) addCombination(combination);
}

function checkOptions(
  model: AdaptableModel,
  { name, adapters, type, rank }: AddWeightedAdapterOptions,
): void {
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
  checkChoice('type', type, ['cat', 'svd', 'linear']);
  if (rank === undefined) return;
  checkRank('rank', rank);
  if (type !== 'svd')
    throw new UsageError(
      'invalid-argument',
      `rank: type '${type}' determines it; leave it out, or use 'svd'`,
    );
}

/** One of the adapters on a layer. */
interface Part {
  readonly adapter: LayerAdapter;
  readonly weight: number;
}

/** The new adapter on a layer. */
interface Combination {
  readonly layer: LoraLayer;
  readonly settings: AdapterSettings;
  readonly parts: readonly Part[];
  /** Absent if no part has A and B on this layer. */
  readonly factors: FactorPair | undefined;
}

/** Returns undefined if none of the adapters is on the layer. */
function combineAt(
  { path, layer }: NamedLoraLayer,
  options: AddWeightedAdapterOptions,
): Combination | undefined {
  const parts = options.adapters.flatMap(({ name, weight }) => {
    const adapter = layer.adapters.get(name);
    return adapter ? [{ adapter, weight }] : [];
  });
  const [first] = parts;
  if (!first) return undefined;
  const lowRankParts = parts.filter(({ adapter }) => adapter.a);
  for (const { adapter } of lowRankParts) checkCombinable(path, layer, adapter);
  const factors = lowRankParts.length > 0 ? combineFactors(path, layer, lowRankParts, options) : undefined;
  const copied = parts.map(({ adapter }) => adapter.settings.trainedCopies);
  const settings: AdapterSettings = {
    ...first.adapter.settings,
    name: options.name,
    rank: factors?.a.columns ?? 0,
    alpha: factors?.a.columns ?? 1,
    rslora: false,
    subtractsInitialUpdate: false,
    trainedCopies: copied.includes('all') ? 'all' : copied.includes('bias') ? 'bias' : 'none',
    strength: 1,
    active: false,
  };
  return { layer, settings, parts, factors };
}

function addCombination({ layer, settings, parts, factors }: Combination): void {
  const adapter = layer.addAdapter(settings);
  tf.tidy(() => {
    if (factors) {
      const { a, b } = adapter;
      variableOf(a!).assign(tf.tensor(valuesOf(factors.a), a!.shape as number[]));
      variableOf(b!).assign(tf.tensor(valuesOf(factors.b), b!.shape as number[]));
    }
    for (const [name, copy] of adapter.trainedCopies)
      variableOf(copy).assign(combineCopies(layer.baseWeights.get(name)!.read(), name, parts));
  });
}

/** Returns A [inputs, k] and B [k, outputs] of the combination at scaling 1. */
function combineFactors(
  path: string,
  layer: LoraLayer,
  parts: readonly Part[],
  { type, rank = Math.max(...parts.map(({ adapter }) => adapter.settings.rank)) }: AddWeightedAdapterOptions,
): FactorPair {
  if (type === 'linear') return combineLinearly(path, layer, parts);
  const factors = parts.map(({ adapter, weight }) => {
    const { a, b, scaling } = updateFactors(layer, adapter);
    return { a: a.mul(weight * scaling), b };
  });
  const a = hstack(...factors.map((pair) => pair.a));
  const b = vstack(...factors.map((pair) => pair.b));
  if (type === 'cat') return { a, b };
  const { u, s, v } = productSvd(a, b);
  const singularValues = Array.from({ length: rank }, (_, index) => s[index] ?? 0);
  return {
    a: firstColumns(u, rank),
    b: firstColumns(v, rank).mulRowVector(singularValues).transpose(),
  };
}

function combineLinearly(path: string, layer: LoraLayer, parts: readonly Part[]): FactorPair {
  const ranks = [...new Set(parts.map(({ adapter }) => adapter.settings.rank))];
  if (ranks.length > 1)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': type 'linear' needs adapters of equal ranks (${ranks.join(', ')}); use 'cat' or 'svd'`,
    );
  const subtracting = parts.find(({ adapter }) => adapter.settings.subtractsInitialUpdate);
  if (subtracting)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': type 'linear' does not support adapters that subtract their initial update ('${subtracting.adapter.settings.name}'); use 'cat' or 'svd'`,
    );
  const pairs = parts.map(({ adapter, weight }) => {
    const { a, b, scaling } = updateFactors(layer, adapter);
    const root = Math.sqrt(Math.abs(weight * scaling));
    return { a: a.mul(root * Math.sign(weight)), b: b.mul(root) };
  });
  return pairs.reduce((sum, { a, b }) => ({ a: sum.a.add(a), b: sum.b.add(b) }));
}

/** Returns the first columns of a matrix, followed by zeros if it does not have so many. */
function firstColumns(matrix: Matrix, count: number): Matrix {
  const existing = Math.min(count, matrix.columns);
  const first = matrix.subMatrix(0, matrix.rows - 1, 0, existing - 1);
  return existing === count ? first : hstack(first, Matrix.zeros(matrix.rows, count - existing));
}

/** Returns W + sum of weight·(copy - W), in the shape of W. */
function combineCopies(base: tf.Tensor, name: string, parts: readonly Part[]): tf.Tensor {
  return parts.reduce((sum, { adapter, weight }) => {
    const copy = adapter.trainedCopies.get(name);
    return copy ? tf.add(sum, tf.mul(tf.sub(copy.read(), base), weight)) : sum;
  }, base);
}

function checkCombinable(path: string, layer: LoraLayer, { settings, magnitude }: LayerAdapter): void {
  if (magnitude)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': DoRA adapters cannot be combined ('${settings.name}')`,
    );
  if (layer.kind!.name === 'matrices')
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': adapters of several matrices in one kernel cannot be combined`,
    );
  if (layer.method === 'weight-view')
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': adapters of method 'weight-view' cannot be combined, because their updates are not of low rank`,
    );
}
