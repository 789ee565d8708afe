import jstat from 'jstat';
import { checkArgument } from '../arguments.ts';

/**
 * The p-value of the exact two-sided McNemar test for paired outcomes.
 *
 * Two classifiers are compared on the same examples. Only examples that changed count: under the null hypothesis each
 * of them is fixed or broken with probability 1/2, so `fixed` follows a binomial distribution. The p-value is the
 * probability of a split at least as uneven as this one.
 *
 * McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages",
 * Psychometrika 12:153. Equals `scipy.stats.binomtest(fixed, fixed + broken).pvalue` within 1e-6 relative.
 *
 * @param fixed examples misclassified before and correct after
 * @param broken examples correct before and misclassified after
 * @returns 0 to 1; 1 if nothing changed
 *
 * @example
 * mcnemarTest(10, 0); // 0.002: ten changes in the same direction are hardly chance
 * mcnemarTest(20, 10); // 0.099
 */
export function mcnemarTest(fixed: number, broken: number): number {
  checkArgument('fixed', fixed, 'number');
  checkArgument('broken', broken, 'number');
  if (fixed === broken) return 1;
  const changed = fixed + broken;
  const fewer = Math.min(fixed, broken);
  // P(X <= k) = I_{1/2}(n - k, k + 1). jStat's own binomial cdf computes 1 - I, which loses small tails.
  return Math.min(1, 2 * jstat.jStat.ibeta(0.5, changed - fewer, fewer + 1));
}

/**
 * Adjusts p-values of several tests with Holm's step-down method, so that the probability of even one false positive
 * among them stays below the significance level.
 *
 * The i-th smallest of n p-values is multiplied by n - i (i from 0), and none is adjusted below a smaller one.
 * Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6:65.
 * Equals statsmodels' `multipletests(pValues, method='holm')`.
 *
 * @param pValues null for a test without data, which does not count
 * @returns adjusted p-values in the same order, each at least its own p-value and at most 1; null stays null
 *
 * @example
 * holmCorrection([0.01, 0.04, 0.03]); // [0.03, 0.06, 0.06]
 */
export function holmCorrection(pValues: readonly (number | null)[]): (number | null)[] {
  checkArgument('pValues', pValues, 'list');
  const sorted = pValues.flatMap((p, index) => (p === null ? [] : [{ p, index }])).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number | null>(pValues.length).fill(null);
  let largest = 0;
  for (const [rank, { p, index }] of sorted.entries()) {
    largest = Math.max(largest, Math.min(1, p * (sorted.length - rank)));
    adjusted[index] = largest;
  }
  return adjusted;
}

/** Lower and upper end of a confidence interval, fractions. */
export type Interval = readonly [lower: number, upper: number];

/**
 * Wilson's score interval of a proportion, such as an accuracy. Unlike the normal approximation it stays within 0 and 1
 * and is usable for few trials and for proportions near 0 or 1.
 *
 * Wilson 1927, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22:209.
 * Equals `scipy.stats.binomtest(successes, trials).proportion_ci(level, method='wilson')`.
 *
 * @param level confidence level, 0.95 by default
 * @returns null without trials
 *
 * @example
 * wilsonInterval(90, 100); // [0.826, 0.945]
 */
export function wilsonInterval(successes: number, trials: number, level = 0.95): Interval | null {
  for (const [name, value] of Object.entries({ successes, trials, level }))
    checkArgument(name, value, 'number');
  if (trials === 0) return null;
  const z = jstat.jStat.normal.inv((1 + level) / 2, 0, 1);
  const p = successes / trials;
  const scale = 1 + (z * z) / trials;
  const center = (p + (z * z) / (2 * trials)) / scale;
  const halfWidth = (z / scale) * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  // The formula gives exactly 0 and 1 at the ends, up to rounding.
  return [
    successes === 0 ? 0 : Math.max(0, center - halfWidth),
    successes === trials ? 1 : Math.min(1, center + halfWidth),
  ];
}
