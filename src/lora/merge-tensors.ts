import type { Random } from '../random.ts';

/** How tensors of several adapters become one, value by value. */
export interface MergeMethod {
  /**
   * Which values of each tensor are set to zero first: all but the largest ones, or random ones, after which the rest is
   * divided by the density. Absent: none.
   */
  readonly pruning?: 'magnitude' | 'random';
  /** Whether to average only the values that have the majority's sign, instead of adding all values. */
  readonly electsSign?: boolean;
}

/** How the majority's sign is found; see `AddWeightedAdapterOptions.majoritySignMethod`. */
export const MAJORITY_SIGN_METHODS = ['total', 'frequency'] as const;
export type MajoritySignMethod = (typeof MAJORITY_SIGN_METHODS)[number];

/** Numbers that a merge needs. */
export interface MergeSettings {
  /** Fraction of values that pruning keeps: above 0, at most 1. */
  readonly density: number;
  readonly majoritySignMethod: MajoritySignMethod;
  /** For random pruning. */
  readonly random: Random;
}

/**
 * Merges tensors of equal size with weights, as PEFT's `merge_utils`: by TIES (Yadav et al. 2023, arXiv:2306.01708) if the
 * method prunes by magnitude and elects signs, by DARE (Yu et al. 2024, arXiv:2311.03099) if it prunes at random.
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

/** Sets all but the values of largest magnitude to zero. Of equal ones at the limit, the first are kept. */
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

/** Returns 1 or -1; 1 if no sign has the majority. */
function majoritySign(values: readonly number[], method: MajoritySignMethod): number {
  return sum(method === 'total' ? values : values.map(Math.sign)) >= 0 ? 1 : -1;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
