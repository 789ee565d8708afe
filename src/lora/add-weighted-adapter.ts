import * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import { UsageError } from '../errors.ts';
import { variableOf } from '../models/index.ts';
import { checkNewName } from './adapters.ts';
import { checkChoice, checkRank } from './config.ts';
import { below, beside, type FactorPair, type Factors, updateFactors } from './factors.ts';
import type { AdapterSettings, LayerAdapter } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';
import { productSvd, valuesOf } from './linear-algebra.ts';
import { loraLayers, type NamedLoraLayer } from './lora-layers.ts';
import { requireAdapter } from './strength.ts';

/** An adapter and how much of it goes into the new one. */
export interface WeightedAdapter {
  readonly name: string;
  /** Multiplies the adapter's update; negative takes it away. */
  readonly weight: number;
}

/** What to make of which adapters. */
export interface AddWeightedAdapterOptions {
  /** Name of the adapter to make. */
  readonly name: string;
  readonly adapters: readonly WeightedAdapter[];
  /**
   * - `cat`: exactly the weighted sum of the updates; the ranks add up.
   * - `svd`: the best approximation of that sum of `rank`.
   * - `linear`: sums of A and of B, each weighted by the root; of equal ranks only, and not the sum of the updates.
   */
  readonly type: 'cat' | 'svd' | 'linear';
  /** For `svd`; by default the largest rank among the adapters. */
  readonly rank?: number;
}

/**
 * Makes a new adapter, at rest, of others, as PEFT's `add_weighted_adapter` does with `cat`, `svd` (unclamped) and
 * `linear`; its scaling is 1. Trained biases and whole layers are combined too: base + sum of weight·(copy - base).
 *
 * @throws UsageError when adapters cannot be combined; nothing is changed then
 */
export function addWeightedAdapter(model: tf.LayersModel, options: AddWeightedAdapterOptions): void {
  const { name, adapters, type } = options;
  checkNewName(model, name);
  if (adapters.length === 0)
    throw new UsageError('invalid-argument', 'no adapters to combine; give at least one');
  for (const adapter of adapters) {
    requireAdapter(model, adapter.name);
    if (!Number.isFinite(adapter.weight))
      throw new UsageError(
        'invalid-argument',
        `weight of adapter '${adapter.name}' is ${adapter.weight}; it has to be finite`,
      );
  }
  checkChoice('type', type, ['cat', 'svd', 'linear']);
  if (options.rank !== undefined) checkRank('rank', options.rank);
  if (options.rank !== undefined && type !== 'svd')
    throw new UsageError(
      'invalid-argument',
      `rank is given, and type '${type}' has none to choose; use type 'svd'`,
    );
  // Everything is computed, and refused, before the first layer gets its new adapter.
  const parts = loraLayers(model).flatMap((placed) => combineAt(placed, options));
  for (const add of parts) add();
}

interface Part {
  readonly adapter: LayerAdapter;
  readonly weight: number;
}

function combineAt({ path, layer }: NamedLoraLayer, options: AddWeightedAdapterOptions): (() => void)[] {
  const parts = options.adapters.flatMap(({ name, weight }) => {
    const adapter = layer.adapters.get(name);
    return adapter ? [{ adapter, weight }] : [];
  });
  if (parts.length === 0) return [];
  const lowRank = parts.filter(({ adapter }) => adapter.a);
  for (const { adapter } of lowRank) checkCombinable(path, layer, adapter);
  const factors = lowRank.length > 0 ? combineFactors(path, layer, lowRank, options) : undefined;
  const trainedCopies = widestCopies(parts);
  const settings: AdapterSettings = {
    ...parts[0]!.adapter.settings,
    name: options.name,
    rank: factors?.a.columns ?? 0,
    alpha: factors?.a.columns ?? 1,
    rslora: false,
    subtractsInitialUpdate: false,
    trainedCopies,
    strength: 1,
    active: false,
  };
  return [
    () => {
      const made = layer.addAdapter(settings);
      tf.tidy(() => {
        if (factors) {
          variableOf(made.a!).assign(tf.tensor(valuesOf(factors.a), made.a!.shape as number[]));
          variableOf(made.b!).assign(tf.tensor(valuesOf(factors.b), made.b!.shape as number[]));
        }
        for (const [part, copy] of made.trainedCopies)
          variableOf(copy).assign(combineCopies(layer.baseWeights.get(part)!.read(), part, parts));
      });
    },
  ];
}

function combineFactors(
  path: string,
  layer: LoraLayer,
  parts: readonly Part[],
  { type, rank }: AddWeightedAdapterOptions,
): FactorPair {
  const factors = parts.map(({ adapter, weight }) => ({ ...updateFactors(layer, adapter), weight }));
  if (type === 'linear') return combineLinearly(path, parts, factors);
  const a = beside(...factors.map((one) => one.a.clone().mul(one.weight * one.scaling)));
  const b = below(...factors.map((one) => one.b));
  if (type === 'cat') return { a, b };
  const wanted = rank ?? Math.max(...parts.map(({ adapter }) => adapter.settings.rank));
  const bound = Math.min(a.rows, b.columns);
  if (wanted > bound)
    throw new UsageError(
      'invalid-argument',
      `rank is ${wanted}, and at layer '${path}' it can be at most ${bound}`,
    );
  const { u, s, v } = productSvd(a, b);
  const padded = Array.from({ length: wanted }, (_, index) => s[index] ?? 0);
  return { a: firstColumns(u, wanted), b: firstColumns(v, wanted).mulRowVector(padded).transpose() };
}

function combineLinearly(
  path: string,
  parts: readonly Part[],
  factors: readonly (Factors & { weight: number })[],
): FactorPair {
  const ranks = [...new Set(factors.map(({ a }) => a.columns))];
  if (ranks.length > 1 || parts.some(({ adapter }) => adapter.initialA))
    throw new UsageError(
      'invalid-argument',
      `type 'linear' adds A to A and B to B, and at layer '${path}' ranks or starts differ (${ranks.join(', ')}); use 'cat' or 'svd'`,
    );
  const [a, b] = [factors[0]!.a.clone().mul(0), factors[0]!.b.clone().mul(0)];
  for (const one of factors) {
    const weight = one.weight * one.scaling;
    const root = Math.sqrt(Math.abs(weight));
    a.add(one.a.clone().mul(root * Math.sign(weight)));
    b.add(one.b.clone().mul(root));
  }
  return { a, b };
}

/** Columns beyond what the matrix has are zero. */
function firstColumns(matrix: Matrix, count: number): Matrix {
  const kept = Math.min(count, matrix.columns);
  const first = matrix.subMatrix(0, matrix.rows - 1, 0, kept - 1);
  return kept === count
    ? first
    : beside(
        first,
        first
          .clone()
          .mul(0)
          .subMatrix(0, matrix.rows - 1, 0, count - kept - 1),
      );
}

function combineCopies(base: tf.Tensor, name: string, parts: readonly Part[]): tf.Tensor {
  return parts.reduce((sum, { adapter, weight }) => {
    const copy = adapter.trainedCopies.get(name);
    return copy ? tf.add(sum, tf.mul(tf.sub(copy.read(), base), weight)) : sum;
  }, base);
}

function widestCopies(parts: readonly Part[]): AdapterSettings['trainedCopies'] {
  const kinds = parts.map(({ adapter }) => adapter.settings.trainedCopies);
  return kinds.includes('all') ? 'all' : kinds.includes('bias') ? 'bias' : 'none';
}

function checkCombinable(path: string, layer: LoraLayer, { settings, magnitude }: LayerAdapter): void {
  if (magnitude)
    throw new UsageError(
      'invalid-argument',
      `adapter '${settings.name}' at layer '${path}' is DoRA's, which does not add up with others`,
    );
  if (layer.method === 'weight-view')
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' has method 'weight-view', whose updates are not of low rank to combine`,
    );
}
