import { CheckpointError } from '../errors.ts';
import { type Comparison, compareEvaluations, type Repeated, repeated } from '../metrics/index.ts';
import { evaluateRun } from '../recipes/index.ts';
import { readManifest } from '../runs/index.ts';
import { trialFolder, trialId } from '../trials/index.ts';
import type { SweepPlan } from './plan.ts';
import { type ConfigurationScore, scoreTrial } from './scores.ts';

/** Results of a configuration on the test set, over its seeds. */
export interface TestScore {
  readonly target: Repeated;
  readonly other?: Repeated;
  readonly total: Repeated;
  readonly gain: Repeated;
  readonly drop: Repeated;
}

/**
 * Evaluates configurations on the test set. This is the only use of the test set in a sweep.
 *
 * @returns the scores in the given order; a configuration that is given twice is evaluated once
 */
export async function scoresOnTestSet(
  { setup, base, tensorflow }: SweepPlan,
  configurations: readonly ConfigurationScore[],
  targetLabels: readonly number[],
): Promise<readonly TestScore[]> {
  if (configurations.length === 0) return [];
  const options = { data: setup.data, tensorflow: { device: tensorflow.device, threads: 1 } } as const;
  const { evaluation: before } = await evaluateRun({ ...options, run: setup.run });
  if ((await readManifest(setup.run)).contentHash !== base.contentHash) {
    throw new CheckpointError(
      'base-changed',
      `${setup.run}: the base changed during the sweep; start it again`,
    );
  }
  const scores = new Map<ConfigurationScore, TestScore>();
  for (const configuration of configurations) {
    if (scores.has(configuration)) continue;
    const comparisons: Comparison[] = [];
    for (const { spec } of configuration.trials) {
      const { evaluation } = await evaluateRun({ ...options, run: trialFolder(setup.out, trialId(spec)) });
      comparisons.push(compareEvaluations(before, evaluation, { targetLabels }));
    }
    scores.set(configuration, sumUp(comparisons, targetLabels));
  }
  return configurations.map((configuration) => scores.get(configuration)!);
}

function sumUp(comparisons: readonly Comparison[], targetLabels: readonly number[]): TestScore {
  const scores = comparisons.map(({ classes }) => {
    const counts = classes.map(({ before, after }) => ({
      support: before.support,
      errorsBefore: before.errors,
      errorsAfter: after.errors,
    }));
    return scoreTrial(counts, targetLabels);
  });
  const over = (name: 'target' | 'total' | 'gain' | 'drop') => repeated(scores.map((score) => score[name]));
  return {
    target: over('target'),
    other: scores[0]!.other === undefined ? undefined : repeated(scores.map(({ other }) => other!)),
    total: over('total'),
    gain: over('gain'),
    drop: over('drop'),
  };
}
