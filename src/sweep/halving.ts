import { UsageError } from '../errors.ts';
import type { Configuration } from './grid.ts';
import type { ConfigurationScore } from './scores.ts';

/** One round of successive halving. */
export interface Round {
  /** Steps of each trial. */
  readonly steps: number;
  /** How many configurations go into the round. */
  readonly configurations: number;
}

/** Fewest steps of a trial in a round. */
const MIN_STEPS = 10;

/**
 * The rounds of successive halving (Jamieson & Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter
 * optimization"): each round trains the better half of the configurations of the round before, for twice as many steps,
 * until a few are trained for all steps. Each round trains from the start, so that a trial depends on its settings alone.
 *
 * @param steps of the last round
 */
export function halvingRounds(configurations: number, steps: number): Round[] {
  const rounds: Round[] = [];
  const halvings = Math.max(0, Math.ceil(Math.log2(configurations / 2)));
  const first = Math.max(0, halvings - Math.max(0, Math.floor(Math.log2(steps / MIN_STEPS))));
  for (let round = first; round <= halvings; round++) {
    rounds.push({
      steps: Math.max(1, Math.round(steps / 2 ** (halvings - round))),
      configurations: Math.ceil(configurations / 2 ** (round - first)),
    });
  }
  return rounds;
}

/**
 * The number of steps that all configurations have.
 *
 * @throws UsageError if they have different numbers, or one of them warms up, which short rounds leave no room for
 */
export function stepsForHalving(configurations: readonly Configuration[], defaultSteps: number): number {
  const steps = new Set(configurations.map((configuration) => configuration.steps ?? defaultSteps));
  if (steps.size > 1) {
    throw new UsageError(
      'invalid-argument',
      `grid: steps: ${[...steps].join(', ')}; successive halving varies the steps itself, so give one number`,
    );
  }
  if (configurations.some(({ warmup = 0 }) => warmup > 0)) {
    throw new UsageError(
      'invalid-argument',
      'grid: warmup: cannot be combined with successive halving, whose first rounds are short; leave it out',
    );
  }
  return [...steps][0]!;
}

/**
 * The better configurations of a round: first those within the budget by their score, then the others by their drop.
 *
 * @param keep how many
 */
export function survivors(
  scores: readonly ConfigurationScore[],
  { keep, maxDrop }: { readonly keep: number; readonly maxDrop?: number },
): Configuration[] {
  const isWithin = ({ drop }: ConfigurationScore) => maxDrop === undefined || drop.mean <= maxDrop;
  const metric = maxDrop === undefined ? 'total' : 'target';
  const better = (a: ConfigurationScore, b: ConfigurationScore) => {
    if (isWithin(a) !== isWithin(b)) return isWithin(a) ? -1 : 1;
    return isWithin(a) ? b[metric].mean - a[metric].mean : a.drop.mean - b.drop.mean;
  };
  return scores
    .toSorted(better)
    .slice(0, keep)
    .map(({ configuration }) => configuration);
}
