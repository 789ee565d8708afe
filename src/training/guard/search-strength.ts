import { UsageError } from '../../errors.ts';
import {
  type Budget,
  bestWithinBudget,
  type ClassCount,
  computeTradeoff,
  type Tradeoff,
  validateBudget,
} from './tradeoff.ts';

/** The tradeoff of one adapter strength. */
export interface StrengthCheck extends Tradeoff {
  /** Multiplies the adapter's update: 0 is the base model, 1 the full update. */
  readonly strength: number;
}

/** The result of `searchStrength`. */
export interface StrengthSearch {
  /** The strength with the largest gain within the budget; 0 (the base model) if no other strength is within it. */
  readonly strength: number;
  /** The tradeoffs of all strengths that were measured, in ascending order of strength. */
  readonly checks: readonly StrengthCheck[];
}

/** 0, 0.05, ..., 1. With a few thousand validation examples, smaller differences are not significant. */
const STRENGTHS = Array.from({ length: 21 }, (_, index) => index / 20);

/**
 * Finds the adapter strength with the largest gain within a budget.
 *
 * @param measure returns the counts on a validation set at a strength, indexed by label
 * @throws UsageError if an argument is invalid
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
  if (typeof measure !== 'function') {
    throw new UsageError(
      'invalid-argument',
      'measure: is not a function; pass one that returns counts by class',
    );
  }
  const before = measure(0);
  validateBudget(budget, before.length);
  const checks = STRENGTHS.map((strength) => {
    const after = strength === 0 ? before : measure(strength);
    return { strength, ...computeTradeoff(before, after, budget) };
  });
  return { strength: bestWithinBudget(checks)?.strength ?? 0, checks };
}
