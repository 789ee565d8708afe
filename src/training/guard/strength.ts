import {
  type Budget,
  bestWithinBudget,
  type ClassCount,
  checkBudget,
  computeTradeoff,
  type Tradeoff,
} from './policy.ts';

/** What one strength gains and costs. */
export interface StrengthCheck extends Tradeoff {
  /** Share of the adapter that counts, 0 (the base) to 1. */
  readonly strength: number;
}

/** The strength that was found, and what it was chosen from. */
export interface StrengthSearch {
  /** The strength with the most gain within the budget; 0 when only the base keeps it. */
  readonly strength: number;
  /** All that were tried, from 0 up. */
  readonly checks: readonly StrengthCheck[];
}

/** 0, 0.05 .. 1: finer steps differ by less than a validation set of some thousands can tell. */
const STRENGTHS = Array.from({ length: 21 }, (_, index) => index / 20);

/**
 * Finds how much of an adapter to use.
 *
 * @param measure the counts of each class, by label, on a validation set at a strength
 */
export function searchStrength(
  budget: Budget,
  measure: (strength: number) => readonly ClassCount[],
): StrengthSearch {
  const before = measure(0);
  checkBudget(budget, before.length);
  const checks = STRENGTHS.map((strength) => {
    const after = strength === 0 ? before : measure(strength);
    return { strength, ...computeTradeoff(before, after, budget) };
  });
  return { strength: bestWithinBudget(checks)?.strength ?? 0, checks };
}
