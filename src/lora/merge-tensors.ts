import type { Random } from '../random.ts';

/** How to merge tensors of several adapters, value by value: first pruning, then a weighted sum or average. */
export interface MergeMethod {
  /**
   * Which values of each tensor to set to zero: `magnitude`, all but the largest; `random`, random ones, and the others are
   * divided by the density. Absent: none.
   */
  readonly pruning?: 'magnitude' | 'random';
  /** Whether to average only the values with the majority's sign. Otherwise all values are added up. */
  readonly electsSign?: boolean;
}

/** How the majority's sign is found; see `AddWeightedAdapterOptions.majoritySignMethod`. */
export const MAJORITY_SIGN_METHODS = ['total', 'frequency'] as const;
export type MajoritySignMethod = (typeof MAJORITY_SIGN_METHODS)[number];

/** Settings of a merge. */
export interface MergeSettings {
  /** Fraction of values that pruning keeps: above 0, at most 1. */
  readonly density: number;
  readonly majoritySignMethod: MajoritySignMethod;
  /** For random pruning. */
  readonly random: Random;
}

/**
 * Merges tensors of equal size, as PEFT's `merge_utils`. Pruning by magnitude and electing signs is TIES (Yadav et al. 2023,
 * arXiv:2306.01708), random pruning is DARE (Yu et al. 2024, arXiv:2311.03099).
 *
 * @param tensors values of each tensor, in any order that is the same for all
 * @param weights one for each tensor
 */
export function mergeTensors(
  tensors: readonly Float32Array[],
  weights: readonly number[],
  { pruning, electsSign = false }: MergeMethod,
  settings: MergeSettings,
): Float32Array {
  const pruned = tensors.map((values) => {
    if (pruning === undefined || settings.density === 1) return values;
    return pruning === 'magnitude'
      ? keepLargest(values, settings.density)
      : keepRandom(values, settings.density, settings.random);
  });
  return Float32Array.from(tensors[0]!, (_, index) => {
    const values = pruned.map((tensor) => tensor[index]!);
    const weighted = values.map((value, tensor) => value * weights[tensor]!);
    if (!electsSign) return sum(weighted);
    const sign = majoritySign(values, settings.majoritySignMethod);
    const elected = weighted.filter((_value, tensor) => Math.sign(values[tensor]!) === sign);
    return sum(elected) / Math.max(elected.length, 1);
  });
}

/**
 * Keeps the floor(density · size) values of largest magnitude and sets the others to zero. Of equal ones at the limit, the
 * first are kept.
 */
function keepLargest(values: Float32Array, density: number): Float32Array {
  const kept = Math.floor(density * values.length);
  if (kept === 0) return new Float32Array(values.length);
  const magnitudes = values.map(Math.abs).sort();
  const limit = magnitudes[values.length - kept]!;
  let atLimit = kept - (values.length - 1 - magnitudes.lastIndexOf(limit));
  return values.map((value) => {
    if (Math.abs(value) > limit) return value;
    return Math.abs(value) === limit && atLimit-- > 0 ? value : 0;
  });
}

/** Sets each value to zero with probability 1 - density, and divides the others by the density. */
function keepRandom(values: Float32Array, density: number, random: Random): Float32Array {
  return values.map((value) => (random.uniform() < density ? value / density : 0));
}

/** Returns the sign of the values' sum or of most values: 1 or -1, 1 for a tie. */
function majoritySign(values: readonly number[], method: MajoritySignMethod): number {
  return sum(method === 'total' ? values : values.map(Math.sign)) >= 0 ? 1 : -1;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
