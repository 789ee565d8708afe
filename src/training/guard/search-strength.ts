import {
  type Budget,
  bestWithinBudget,
  type ClassCount,
  computeTradeoff,
  type Tradeoff,
  validateBudget,
} from './tradeoff.ts';

/** What one adapter strength gains and costs. */
export interface StrengthCheck extends Tradeoff {
  /** Multiplies the adapter's update: 0 is the base model, 1 the whole adapter. */
  readonly strength: number;
}

/** The result of `searchStrength`. */
export interface StrengthSearch {
  /** The strength with the most gain within the budget; 0 if none but the base model is within it. */
  readonly strength: number;
  /** All strengths that were tried, in ascending order. */
  readonly checks: readonly StrengthCheck[];
}

/** 0, 0.05, .. 1. With some thousand validation examples, finer steps do not differ significantly. */
const STRENGTHS = Array.from({ length: 21 }, (_, index) => index / 20);

/**
 * Finds the adapter strength that gains most within a budget.
 *
 * @param measure returns the counts on a validation set at a strength, indexed by label
 * @throws UsageError if the budget is invalid
 * @example
 * const { strength } = searchStrength({ targetLabels: [2, 3], maxDrop: 0.01 }, (candidate) => {
 *   setAdapterStrength(model, candidate);
 *   return perClass(evaluator.evaluate(validation));
 * });
 */
export function searchStrength(
  budget: Budget,
  measure: (strength: number) => readonly ClassCount[],
): StrengthSearch {
  const before = measure(0);
  validateBudget(budget, before.length);
  const checks = STRENGTHS.map((strength) => {
    const after = strength === 0 ? before : measure(strength);
    return { strength, ...computeTradeoff(before, after, budget) };
  });
  return { strength: bestWithinBudget(checks)?.strength ?? 0, checks };
}
