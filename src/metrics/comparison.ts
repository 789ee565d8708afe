import { checkOptions } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import { shorten } from '../text/index.ts';
import { type ConfusionChange, topConfusionChanges } from './confusion.ts';
import { type Evaluation, requireEvaluation } from './evaluation.ts';
import { perClass, pooled, type Score } from './per-class.ts';
import { holmCorrection, mcnemarTest } from './significance.ts';

/** A change with a p-value below this level is significant. */
export const SIGNIFICANCE_LEVEL = 0.05;

/** How the classification of the same examples changed. */
export interface Change {
  readonly before: Score;
  readonly after: Score;
  /** Accuracy after minus accuracy before, -1 to 1; null without examples. */
  readonly gain: number | null;
  /** Examples misclassified before and correct after. */
  readonly fixed: number;
  /** Examples correct before and misclassified after. */
  readonly broken: number;
  /** P-value of the exact McNemar test; those of single classes are Holm-corrected. Null without examples. */
  readonly pValue: number | null;
  /** Whether `pValue` is below `SIGNIFICANCE_LEVEL`. */
  readonly significant: boolean;
}

/** How the classification of one class's examples changed. */
export interface ClassChange extends Change {
  readonly className: string;
  /** Whether this is a target class: one that fine-tuning was meant to improve. */
  readonly isTarget: boolean;
}

/** How the classification of the same examples changed, by class and in groups of classes. */
export interface Comparison {
  /** In label order. */
  readonly classes: readonly ClassChange[];
  /** All classes together. */
  readonly total: Change;
  /** The target classes together; absent if there are none. */
  readonly target?: Change;
  /** The other classes together; absent if there are no target classes. */
  readonly other?: Change;
  /** The confusions (pairs of true and predicted class) whose count changed most. */
  readonly topConfusionChanges: readonly ConfusionChange[];
}

/**
 * Compares two evaluations of the same examples in the same order, such as a model before and after fine-tuning.
 *
 * Each change is tested with the exact McNemar test (`mcnemarTest`). The p-values of the classes are corrected for
 * testing several classes (`holmCorrection`); those of `total`, `target` and `other` are not.
 *
 * @param options.targetLabels labels of the classes that fine-tuning was meant to improve; none by default
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if the evaluations differ in their classes, true labels or images (`dataHash`)
 *
 * @example
 * const { classes, other } = compareEvaluations(before, after, { targetLabels: [2, 3] });
 * const worse = classes.filter(({ significant, broken, fixed }) => significant && broken > fixed);
 * console.log(worse.map(({ className }) => className), other?.gain);
 */
export function compareEvaluations(
  before: Evaluation,
  after: Evaluation,
  options: { targetLabels?: readonly number[] } = {},
): Comparison {
  checkOptions(options, { targetLabels: 'numbers?' });
  const { targetLabels = [] } = options;
  requireSameExamples(before, after);
  const { classNames } = before;
  const counts = countChanges(before, after);
  const classes = counts.map((count) => summarize([count]));
  const pValues = holmCorrection(classes.map(({ pValue }) => pValue));
  return {
    classes: classes.map((change, label) => ({
      className: classNames[label]!,
      isTarget: targetLabels.includes(label),
      ...change,
      ...significance(pValues[label]!),
    })),
    total: summarize(counts),
    ...(targetLabels.length > 0 && {
      target: summarize(counts.filter((_, label) => targetLabels.includes(label))),
      other: summarize(counts.filter((_, label) => !targetLabels.includes(label))),
    }),
    topConfusionChanges: topConfusionChanges(before, after),
  };
}

type ChangeCounts = Pick<Change, 'before' | 'after' | 'fixed' | 'broken'>;

/** The counts of each class, in label order. */
function countChanges(before: Evaluation, after: Evaluation): ChangeCounts[] {
  const scoresAfter = perClass(after);
  const fixed = new Uint32Array(scoresAfter.length);
  const broken = new Uint32Array(scoresAfter.length);
  for (let index = 0; index < before.labels.length; index++) {
    const label = before.labels[index]!;
    const wasCorrect = before.predictions[index] === label;
    const isCorrect = after.predictions[index] === label;
    if (isCorrect && !wasCorrect) fixed[label]!++;
    if (wasCorrect && !isCorrect) broken[label]!++;
  }
  return perClass(before).map((score, label) => ({
    before: score,
    after: scoresAfter[label]!,
    fixed: fixed[label]!,
    broken: broken[label]!,
  }));
}

/** The change of some classes together, with an uncorrected p-value. */
function summarize(counts: readonly ChangeCounts[]): Change {
  const before = pooled(counts.map((count) => count.before));
  const fixed = counts.reduce((sum, count) => sum + count.fixed, 0);
  const broken = counts.reduce((sum, count) => sum + count.broken, 0);
  const gain = before.support === 0 ? null : (fixed - broken) / before.support;
  return {
    before,
    after: pooled(counts.map((count) => count.after)),
    gain,
    fixed,
    broken,
    ...significance(gain === null ? null : mcnemarTest(fixed, broken)),
  };
}

function significance(pValue: number | null): Pick<Change, 'pValue' | 'significant'> {
  return { pValue, significant: pValue !== null && pValue < SIGNIFICANCE_LEVEL };
}

/**
 * Checks that two evaluations are of the same examples in the same order: equal classes, labels and, if both evaluations
 * have it, `dataHash`.
 *
 * @param names of both evaluations, for messages
 * @throws CheckpointError if they are not
 */
export function requireSameExamples(
  before: Evaluation,
  after: Evaluation,
  names?: readonly [before: string, after: string],
): void {
  requireEvaluation('before', before);
  requireEvaluation('after', after);
  const difference = differenceOf(before, after);
  if (difference === undefined) return;
  const prefix = names ? `${names[0]} and ${names[1]}: ` : '';
  throw new CheckpointError(
    'not-comparable',
    `${prefix}cannot compare ${difference}; evaluate both models on the same data`,
  );
}

function differenceOf(before: Evaluation, after: Evaluation): string | undefined {
  const { classNames, labels } = before;
  const [classesBefore, classesAfter] = [classNames.join(', '), after.classNames.join(', ')];
  if (classesBefore !== classesAfter) {
    return `classes ${shorten(classesBefore, 100)} with classes ${shorten(classesAfter, 100)}`;
  }
  if (before.count !== after.count) return `${before.count} examples with ${after.count}`;
  const index = labels.findIndex((label, row) => label !== after.labels[row]);
  if (index >= 0) {
    const [nameBefore, nameAfter] = [classNames[labels[index]!], classNames[after.labels[index]!]];
    return `different examples: the label of example ${index} is ${nameBefore} before and ${nameAfter} after`;
  }
  const [hashBefore, hashAfter] = [before.dataHash, after.dataHash];
  if (hashBefore === undefined || hashAfter === undefined || hashBefore === hashAfter) return undefined;
  return (
    'different images with the same labels: ' +
    `the data hash is ${hashBefore.slice(0, 12)} before and ${hashAfter.slice(0, 12)} after`
  );
}
