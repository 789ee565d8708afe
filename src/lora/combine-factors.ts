import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { takeValues } from '../models/index.ts';
import {
  hstack,
  matrixOf,
  principalVectors,
  productSvd,
  type Svd,
  valuesOf,
  vstack,
} from './math/linear-algebra.ts';
import { type MergeMethod, type MergeSettings, mergeTensors } from './merge-tensors.ts';
import type { FactorPair } from './update.ts';

/** How a type of combination works: without `merge` and `svd`, A and B of all adapters are concatenated. */
export interface Combining {
  /** Merges A with A and B with B, or with `svd` the updates A·B. Absent: the updates are added up. */
  readonly merge?: MergeMethod;
  /** Whether to compute A and B as the best approximation of the combined update. */
  readonly svd?: boolean;
}

const TIES: MergeMethod = { pruning: 'magnitude', electsSign: true };
const DARE_LINEAR: MergeMethod = { pruning: 'random' };
const DARE_TIES: MergeMethod = { pruning: 'random', electsSign: true };
const MAGNITUDE_PRUNE: MergeMethod = { pruning: 'magnitude' };

/** The types of `addWeightedAdapter`, by PEFT's names. */
export const COMBINATION_TYPES = {
  cat: {},
  svd: { svd: true },
  linear: { merge: {} },
  ties: { merge: TIES },
  ties_svd: { merge: TIES, svd: true },
  dare_linear: { merge: DARE_LINEAR },
  dare_linear_svd: { merge: DARE_LINEAR, svd: true },
  dare_ties: { merge: DARE_TIES },
  dare_ties_svd: { merge: DARE_TIES, svd: true },
  magnitude_prune: { merge: MAGNITUDE_PRUNE },
  magnitude_prune_svd: { merge: MAGNITUDE_PRUNE, svd: true },
} as const satisfies Record<string, Combining>;
export type CombinationType = keyof typeof COMBINATION_TYPES;

/** Whether a type merges A with A and B with B, which needs equal ranks. */
export function mergesFactors(type: CombinationType): boolean {
  const { merge, svd }: Combining = COMBINATION_TYPES[type];
  return merge !== undefined && !svd;
}

/** The update scaling·A·B of one matrix by an adapter, and the adapter's weight in the combination. */
export interface WeightedUpdate extends FactorPair {
  readonly scaling: number;
  readonly weight: number;
}

/**
 * Combines the updates of one matrix, as PEFT's `add_weighted_adapter`.
 *
 * @param rank of the result, for types with `svd`
 * @returns A [inputs, k] and B [k, outputs] at scaling 1, where k is `rank`, the sum of the ranks (`cat`) or their common rank
 */
export function combineFactors(
  updates: readonly WeightedUpdate[],
  type: CombinationType,
  rank: number,
  settings: MergeSettings,
): FactorPair {
  const { merge, svd }: Combining = COMBINATION_TYPES[type];
  if (!merge) {
    const a = hstack(...updates.map((update) => Matrix.mul(update.a, update.weight * update.scaling)));
    const b = vstack(...updates.map((update) => update.b));
    return svd ? lowRank(productSvd(a, b), rank) : { a, b };
  }
  if (!svd) return mergeFactors(updates, merge, settings);
  const [inputs, outputs] = [updates[0]!.a.rows, updates[0]!.b.columns];
  const merged = mergeTensors(
    updates.map(productOf),
    updates.map(({ weight }) => weight),
    merge,
    settings,
  );
  const update = tf.tensor2d(merged, [inputs, outputs]);
  try {
    return lowRank(principalVectors(update, Math.min(rank, inputs, outputs)), rank);
  } finally {
    update.dispose();
  }
}

/** Merges A with A and B with B, each times the root of |weight · scaling|. A also gets the sign of the weight. */
function mergeFactors(
  updates: readonly WeightedUpdate[],
  method: MergeMethod,
  settings: MergeSettings,
): FactorPair {
  const merge = (factors: readonly Matrix[], weights: readonly number[]) => {
    const { rows, columns } = factors[0]!;
    return matrixOf(mergeTensors(factors.map(valuesOf), weights, method, settings), rows, columns);
  };
  const roots = updates.map(({ weight, scaling }) => Math.sqrt(Math.abs(weight * scaling)));
  return {
    a: merge(
      updates.map(({ a }) => a),
      roots.map((root, index) => root * Math.sign(updates[index]!.weight)),
    ),
    b: merge(
      updates.map(({ b }) => b),
      roots,
    ),
  };
}

/** Returns scaling·A·B [inputs, outputs], row-major. */
function productOf({ a, b, scaling }: WeightedUpdate): Float32Array {
  const product = tf.tidy(() => {
    const [left, right] = [a, b].map((matrix) =>
      tf.tensor2d(valuesOf(matrix), [matrix.rows, matrix.columns]),
    );
    return tf.mul(tf.matMul(left!, right!), scaling);
  });
  return takeValues(product);
}

/** Returns A = U and B = diag(s)·Vᵀ, padded with zeros if there are fewer than `rank` singular values. */
function lowRank({ u, s, v }: Svd, rank: number): FactorPair {
  const singularValues = Array.from({ length: rank }, (_, index) => s[index] ?? 0);
  return {
    a: firstColumns(u, rank),
    b: firstColumns(v, rank).mulRowVector(singularValues).transpose(),
  };
}

/** Returns the first `count` columns of a matrix, padded with columns of zeros if it has fewer. */
function firstColumns(matrix: Matrix, count: number): Matrix {
  const existing = Math.min(count, matrix.columns);
  const first = matrix.subMatrix(0, matrix.rows - 1, 0, existing - 1);
  return existing === count ? first : hstack(first, Matrix.zeros(matrix.rows, count - existing));
}
