import { CheckpointError } from '../errors.ts';
import { type ConfusionChange, topConfusionChanges } from './confusion.ts';
import type { Evaluation } from './evaluation.ts';
import { perClass, pooled, type Score } from './per-class.ts';
import { holm, mcnemar } from './significance.ts';

/** Adjusted p-values below this count as more than noise. */
export const SIGNIFICANCE_LEVEL = 0.05;

/** What changed on the same examples. */
export interface Change {
  readonly before: Score;
  readonly after: Score;
  /** Accuracy after minus before, a fraction; null without examples. */
  readonly gain: number | null;
  /** Examples wrong before and right after. */
  readonly fixed: number;
  /** Examples right before and wrong after. */
  readonly broken: number;
  /** Exact McNemar test; over the classes corrected by Holm. Null without examples. */
  readonly pValue: number | null;
  /** Whether the change is beyond noise: `pValue` below 0.05. */
  readonly significant: boolean;
}

/** What changed on the examples of one class. */
export interface ClassChange extends Change {
  readonly className: string;
  /** Whether this is a target class: one that fine-tuning was meant to improve. */
  readonly isTarget: boolean;
}

/** What changed between two evaluations of the same examples. */
export interface Comparison {
  readonly classes: readonly ClassChange[];
  readonly total: Change;
  /** The target classes together, and all others together; absent without target classes. */
  readonly target?: Change;
  readonly other?: Change;
  /** The mistakes whose count changed most. */
  readonly topConfusionChanges: readonly ConfusionChange[];
}

/**
 * Compares two evaluations of the same examples.
 *
 * @param options.targetLabels labels of the classes that fine-tuning was meant to improve
 * @throws CheckpointError when the two did not see the same examples in the same order
 */
export function compareEvaluations(
  before: Evaluation,
  after: Evaluation,
  { targetLabels = [] }: { targetLabels?: readonly number[] } = {},
): Comparison {
  requireSameExamples(before, after);
  const changeOf = changes(before, after);
  const labels = before.classNames.map((_, label) => label);
  const classes = labels.map((label) => changeOf([label]));
  const adjusted = holm(classes.map(({ pValue }) => pValue));
  const others = labels.filter((label) => !targetLabels.includes(label));
  return {
    classes: classes.map((change, label) => ({
      className: before.classNames[label]!,
      isTarget: targetLabels.includes(label),
      ...change,
      ...verdict(adjusted[label]!),
    })),
    total: changeOf(labels),
    ...(targetLabels.length > 0 && { target: changeOf(targetLabels), other: changeOf(others) }),
    topConfusionChanges: topConfusionChanges(before, after),
  };
}

/** Looks once at every example; what it returns sums up the classes that it is given. */
function changes(before: Evaluation, after: Evaluation): (labels: readonly number[]) => Change {
  const [old, now] = [perClass(before), perClass(after)];
  const fixed = new Uint32Array(old.length);
  const broken = new Uint32Array(old.length);
  for (let index = 0; index < before.labels.length; index++) {
    const label = before.labels[index]!;
    const wasRight = before.predictions[index] === label;
    const isRight = after.predictions[index] === label;
    if (isRight && !wasRight) fixed[label]!++;
    if (wasRight && !isRight) broken[label]!++;
  }
  const sum = (counts: Uint32Array, labels: readonly number[]) =>
    labels.reduce((total, label) => total + counts[label]!, 0);
  return (labels) => {
    const total = pooled(labels.map((label) => old[label]!));
    const [better, worse] = [sum(fixed, labels), sum(broken, labels)];
    const gain = total.support === 0 ? null : (better - worse) / total.support;
    return {
      before: total,
      after: pooled(labels.map((label) => now[label]!)),
      gain,
      fixed: better,
      broken: worse,
      ...verdict(gain === null ? null : mcnemar(better, worse)),
    };
  };
}

function verdict(pValue: number | null): { pValue: number | null; significant: boolean } {
  return { pValue, significant: pValue !== null && pValue < SIGNIFICANCE_LEVEL };
}

function requireSameExamples(before: Evaluation, after: Evaluation): void {
  const [old, now] = [before.classNames.join(', '), after.classNames.join(', ')];
  if (old !== now)
    throw new CheckpointError('invalid-checkpoint', `cannot compare classes ${old} with classes ${now}`);
  if (before.count !== after.count) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `cannot compare ${before.count} examples with ${after.count}; evaluate both on the same data`,
    );
  }
  const differing = before.labels.findIndex((label, index) => label !== after.labels[index]);
  if (differing >= 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `cannot compare: example ${differing} is a ${before.classNames[before.labels[differing]!]} in one and a ` +
        `${after.classNames[after.labels[differing]!]} in the other; evaluate both on the same data`,
    );
  }
}
