import { type Repeated, repeated } from '../metrics/index.ts';
import type { TrialRecord, TrialResult } from '../trials/index.ts';
import type { Configuration } from './grid.ts';

/** The results of one configuration on the held-out images, over its seeds. Accuracies are fractions. */
export interface ConfigurationScore {
  readonly configuration: Configuration;
  /** The trials that are complete, in the order of `seeds`. */
  readonly trials: readonly TrialRecord[];
  readonly seeds: readonly number[];
  /** Trials without a result. */
  readonly failed: number;
  /** Accuracy on the target classes together, or on all classes if there are no target classes. */
  readonly target: Repeated;
  /** Accuracy on the other classes together; absent if there are no target classes. */
  readonly other?: Repeated;
  readonly total: Repeated;
  /** Change of the accuracy on the target classes. */
  readonly gain: Repeated;
  /** Accuracy lost by the other class that lost most; of all classes if there are no target classes. */
  readonly drop: Repeated;
  readonly trainableParameters: number;
  /** Mean over seeds of the largest effective rank of a layer. */
  readonly effectiveRank: number;
  readonly elapsedMs: number;
  readonly peakBytes: number;
}

/** One trial's accuracies. */
export interface TrialScore {
  readonly target: number;
  readonly other: number | undefined;
  readonly total: number;
  readonly gain: number;
  readonly drop: number;
}

/** The accuracies of a trial. Classes without held-out images are left out. */
export function scoreTrial(classes: TrialResult['classes'], targetLabels: readonly number[]): TrialScore {
  const isTarget = (label: number) => targetLabels.length === 0 || targetLabels.includes(label);
  const all = classes.map((counts, label) => ({ ...counts, label })).filter(({ support }) => support > 0);
  const target = all.filter(({ label }) => isTarget(label));
  const other = all.filter(({ label }) => !isTarget(label));
  const drops = (other.length > 0 ? other : all).map(
    ({ support, errorsBefore, errorsAfter }) => (errorsAfter - errorsBefore) / support,
  );
  return {
    target: accuracy(target, 'errorsAfter'),
    other: other.length > 0 ? accuracy(other, 'errorsAfter') : undefined,
    total: accuracy(all, 'errorsAfter'),
    gain: accuracy(target, 'errorsAfter') - accuracy(target, 'errorsBefore'),
    drop: Math.max(...drops),
  };
}

type Counts = TrialResult['classes'][number];

function accuracy(classes: readonly Counts[], errors: 'errorsBefore' | 'errorsAfter'): number {
  const support = classes.reduce((sum, counts) => sum + counts.support, 0);
  return 1 - classes.reduce((sum, counts) => sum + counts[errors], 0) / support;
}

/**
 * Sums up the trials of one configuration.
 *
 * @param records in the order of the seeds; undefined for trials without a record
 * @returns undefined if no trial is complete
 */
export function scoreConfiguration(
  configuration: Configuration,
  records: readonly (TrialRecord | undefined)[],
  targetLabels: readonly number[],
): ConfigurationScore | undefined {
  const trials = records.filter((record) => record?.result !== undefined) as TrialRecord[];
  if (trials.length === 0) return undefined;
  const results = trials.map(({ result }) => result!);
  const scores = results.map(({ classes }) => scoreTrial(classes, targetLabels));
  const over = (value: (score: TrialScore) => number) => repeated(scores.map(value));
  const mean = (value: (result: TrialResult) => number) => repeated(results.map(value)).mean;
  return {
    configuration,
    trials,
    seeds: trials.map(({ spec }) => spec.settings.seed),
    failed: records.length - trials.length,
    target: over(({ target }) => target),
    other: scores[0]!.other === undefined ? undefined : over(({ other }) => other!),
    total: over(({ total }) => total),
    gain: over(({ gain }) => gain),
    drop: over(({ drop }) => drop),
    trainableParameters: results[0]!.trainableParameters,
    effectiveRank: mean(({ effectiveRank }) => effectiveRank),
    elapsedMs: mean(({ elapsedMs }) => elapsedMs),
    peakBytes: Math.max(...results.map(({ peakBytes }) => peakBytes)),
  };
}
