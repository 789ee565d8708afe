import { CheckpointError } from '../errors.ts';
import { type ConfusionChange, movedConfusions } from './confusion.ts';
import type { Evaluation } from './evaluation.ts';
import { overall, type Score } from './per-class.ts';
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

export interface ClassChange extends Change {
  readonly className: string;
  /** Whether training was told to better this class. */
  readonly tuned: boolean;
}

export interface Comparison {
  readonly classes: readonly ClassChange[];
  readonly total: Change;
  /** The tuned classes together, and all others; absent where no class was named as tuned. */
  readonly tuned?: Change;
  readonly other?: Change;
  /** The mistakes whose count changed most. */
  readonly moved: readonly ConfusionChange[];
}

/**
 * Compares two evaluations of the same examples.
 *
 * @param options.tuned label indices that training was told to better
 * @throws CheckpointError when the two did not see the same examples in the same order
 */
export function compareEvaluations(
  before: Evaluation,
  after: Evaluation,
  { tuned = [] }: { tuned?: readonly number[] } = {},
): Comparison {
  requireSameExamples(before, after);
  const names = before.classNames;
  const pairs = names.map((_, label) => pair(before, after, new Set([label])));
  const adjusted = holm(pairs.map(({ pValue }) => pValue));
  const chosen = new Set(tuned);
  const others = new Set(names.map((_, label) => label).filter((label) => !chosen.has(label)));
  return {
    classes: pairs.map((change, label) => ({
      className: names[label]!,
      tuned: chosen.has(label),
      ...change,
      ...verdict(adjusted[label]!),
    })),
    total: pair(before, after),
    ...(chosen.size > 0 && { tuned: pair(before, after, chosen), other: pair(before, after, others) }),
    moved: movedConfusions(before, after),
  };
}

function pair(before: Evaluation, after: Evaluation, members?: ReadonlySet<number>): Change {
  const [old, now] = [overall(before, members), overall(after, members)];
  let fixed = 0;
  let broken = 0;
  for (const [index, label] of before.labels.entries()) {
    if (members && !members.has(label)) continue;
    const wasRight = before.predictions[index] === label;
    const isRight = after.predictions[index] === label;
    if (isRight && !wasRight) fixed++;
    if (wasRight && !isRight) broken++;
  }
  const gain = old.support === 0 ? null : (fixed - broken) / old.support;
  return {
    before: old,
    after: now,
    gain,
    fixed,
    broken,
    ...verdict(gain === null ? null : mcnemar(fixed, broken)),
  };
}

function verdict(pValue: number | null): { pValue: number | null; significant: boolean } {
  return { pValue, significant: pValue !== null && pValue < SIGNIFICANCE_LEVEL };
}

function requireSameExamples(before: Evaluation, after: Evaluation): void {
  const [old, now] = [before.classNames.join(', '), after.classNames.join(', ')];
  if (old !== now) throw new CheckpointError(`cannot compare classes ${old} with classes ${now}`);
  if (before.count !== after.count) {
    throw new CheckpointError(
      `cannot compare ${before.count} examples with ${after.count}; evaluate both on the same data`,
    );
  }
  const differing = before.labels.findIndex((label, index) => label !== after.labels[index]);
  if (differing >= 0) {
    throw new CheckpointError(
      `cannot compare: example ${differing} is a ${before.classNames[before.labels[differing]!]} in one and a ` +
        `${after.classNames[after.labels[differing]!]} in the other; evaluate both on the same data`,
    );
  }
}
