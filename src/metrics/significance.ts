import jstat from 'jstat';

/**
 * Exact two-sided McNemar test on paired outcomes: of the examples that changed, are as many fixed as
 * broken? (McNemar 1947; the binomial form with success probability 1/2, within 1e-6 relative of SciPy's.)
 *
 * @param fixed wrong before, right after
 * @param broken right before, wrong after
 * @returns the p-value, 0..1; 1 when nothing changed
 */
export function mcnemar(fixed: number, broken: number): number {
  const changed = fixed + broken;
  const fewer = Math.min(fixed, broken);
  if (fixed === broken) return 1;
  // P(X <= k) = I_{1/2}(n - k, k + 1). jStat's own binomial cdf takes 1 - I, which loses small tails.
  return Math.min(1, 2 * jstat.jStat.ibeta(0.5, changed - fewer, fewer + 1));
}

/**
 * Holm's step-down correction (1979) of p-values that are read together; null stays null and does not count.
 *
 * @returns adjusted p-values in the order given, each at least its own p-value
 */
export function holm(pValues: readonly (number | null)[]): (number | null)[] {
  const order = pValues
    .flatMap((p, index) => (p === null ? [] : [{ p, index }]))
    .sort((a, b) => a.p - b.p || a.index - b.index);
  const adjusted = new Array<number | null>(pValues.length).fill(null);
  let largest = 0;
  for (const [rank, { p, index }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (order.length - rank)));
    adjusted[index] = largest;
  }
  return adjusted;
}

/** Lower and upper end of a confidence interval, fractions. */
export type Interval = readonly [lower: number, upper: number];

/**
 * Wilson's score interval (1927) of a proportion.
 *
 * @param level confidence, 0.95 unless told
 * @returns null without trials
 */
export function wilson(successes: number, trials: number, level = 0.95): Interval | null {
  if (trials === 0) return null;
  const z = jstat.jStat.normal.inv((1 + level) / 2, 0, 1);
  const p = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (p + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  return [
    successes === 0 ? 0 : Math.max(0, centre - half),
    successes === trials ? 1 : Math.min(1, centre + half),
  ];
}
