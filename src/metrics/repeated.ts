import jstat from 'jstat';
import type { Interval } from './significance.ts';

/** A measurement that was repeated, such as with several seeds. */
export interface Repeated {
  readonly mean: number;
  /** Student's t interval of the mean, 95 %; null for a single value. */
  readonly interval: Interval | null;
}

/** Returns the mean of repeated measurements, at least one, and its uncertainty. */
export function repeated(values: readonly number[]): Repeated {
  const { mean, standardError } = moments(values);
  if (values.length < 2) return { mean, interval: null };
  const halfWidth = jstat.jStat.studentt.inv(0.975, values.length - 1) * standardError;
  return { mean, interval: [mean - halfWidth, mean + halfWidth] };
}

/**
 * The p-value of the one-sided paired t-test of the hypothesis that the mean of `differences` is not above 0. It is small
 * if the differences are consistently positive. Equals `scipy.stats.ttest_1samp(differences, 0, alternative='greater')`.
 *
 * @param differences of pairs, such as the accuracies of two configurations with the same seed
 * @returns 0 to 1; null for fewer than two differences
 *
 * @example
 * pairedTTest([0.02, 0.01, 0.03]); // 0.037
 */
export function pairedTTest(differences: readonly number[]): number | null {
  if (differences.length < 2) return null;
  const { mean, standardError } = moments(differences);
  if (standardError === 0) return mean > 0 ? 0 : 1;
  return 1 - jstat.jStat.studentt.cdf(mean / standardError, differences.length - 1);
}

function moments(values: readonly number[]): { readonly mean: number; readonly standardError: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (values.length - 1) / values.length) };
}
