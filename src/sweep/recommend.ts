import { holmCorrection, pairedTTest, SIGNIFICANCE_LEVEL } from '../metrics/index.ts';
import { type ConfigurationScore, scoreTrial } from './scores.ts';

/** How the configurations compare. Positions are those in the list of scores. */
export interface Recommendation {
  /** The configuration with the highest mean score within the budget. */
  readonly best: number;
  /** The smallest configuration that is not significantly worse than the best. */
  readonly recommended: number;
  /**
   * For each configuration, the Holm-corrected p-value of being worse than the best: null for the best itself, outside the
   * budget, or with fewer than two seeds in common.
   */
  readonly pValues: readonly (number | null)[];
  /** Whether a configuration is within the budget. */
  readonly withinBudget: readonly boolean[];
}

/**
 * Chooses the configuration with the fewest trainable parameters that is not significantly worse than the best.
 *
 * The score is the accuracy on the target classes if there is a budget, else on all classes. Every configuration within the
 * budget is compared with the best by a one-sided paired t-test over their common seeds; the p-values are corrected with
 * Holm's method for the number of comparisons. With few seeds the test finds only large differences.
 *
 * @param maxDrop the most accuracy that any single other class may lose, as a mean over seeds; a fraction
 * @returns undefined if no configuration is within the budget
 */
export function recommend(
  scores: readonly ConfigurationScore[],
  { targetLabels, maxDrop }: { readonly targetLabels: readonly number[]; readonly maxDrop?: number },
): Recommendation | undefined {
  const metric = maxDrop === undefined ? 'total' : 'target';
  const withinBudget = scores.map(({ drop }) => maxDrop === undefined || drop.mean <= maxDrop);
  const candidates = scores.map((_, index) => index).filter((index) => withinBudget[index]);
  if (candidates.length === 0) return undefined;
  const best = candidates.reduce((a, b) => (scores[b]![metric].mean > scores[a]![metric].mean ? b : a));
  const bySeed = scores.map(
    ({ trials }) =>
      new Map(
        trials.map(
          ({ spec, result }) =>
            [spec.settings.seed, scoreTrial(result!.classes, targetLabels)[metric]] as const,
        ),
      ),
  );
  const differences = (index: number) =>
    [...bySeed[best]!].flatMap(([seed, score]) => {
      const other = bySeed[index]!.get(seed);
      return other === undefined ? [] : [score - other];
    });
  const pValues = holmCorrection(
    scores.map((_, index) =>
      index !== best && withinBudget[index] ? pairedTTest(differences(index)) : null,
    ),
  );
  const isEqual = (index: number) =>
    index === best || (pValues[index] !== null && pValues[index]! >= SIGNIFICANCE_LEVEL);
  const recommended = candidates.filter(isEqual).reduce((a, b) => {
    const size = scores[b]!.trainableParameters - scores[a]!.trainableParameters;
    if (size !== 0) return size < 0 ? b : a;
    return scores[b]![metric].mean > scores[a]![metric].mean ? b : a;
  });
  return { best, recommended, pValues, withinBudget };
}

/** Positions of the configurations that no other beats in both gain and drop (the Pareto front), by rising drop. */
export function paretoFront(scores: readonly ConfigurationScore[]): number[] {
  const front: number[] = [];
  const order = scores
    .map((_, index) => index)
    .sort(
      (a, b) => scores[a]!.drop.mean - scores[b]!.drop.mean || scores[b]!.gain.mean - scores[a]!.gain.mean,
    );
  for (const index of order) {
    const previous = front.at(-1);
    if (previous === undefined || scores[index]!.gain.mean > scores[previous]!.gain.mean) front.push(index);
  }
  return front;
}
