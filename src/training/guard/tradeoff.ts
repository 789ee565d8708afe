import { UsageError } from '../../errors.ts';
import { requireFields } from '../arguments.ts';

/** How many validation examples of a class there are, and how many are misclassified. */
export interface ClassCount {
  /** Number of examples. */
  readonly support: number;
  /** Number of misclassified examples. */
  readonly errors: number;
}

/** Which classes fine-tuning should improve, and how much accuracy the others may lose. */
export interface Budget {
  /** Labels of the classes to improve. Empty: all classes, and all of them are guarded as well. */
  readonly targetLabels: readonly number[];
  /**
   * Maximum accuracy that any guarded class (all but the targets) may lose, as a fraction: 0.01 is one percentage
   * point.
   */
  readonly maxDrop: number;
}

/** Accuracy gained and lost on the validation set, compared with the model before training. */
export interface Tradeoff {
  /** Accuracy gained on all examples of the target classes, as a fraction; negative if it decreased. */
  readonly gain: number;
  /** Largest accuracy loss of any guarded class, as a fraction; negative if all of them gained. */
  readonly drop: number;
  /** Label of the class with that loss; undefined if no guarded class has examples. */
  readonly dropLabel?: number;
  /** Number of misclassified examples after training, over all classes. */
  readonly errors: number;
  /** Whether `drop` is at most `Budget.maxDrop`. */
  readonly withinBudget: boolean;
}

/** Tolerance for floating-point error: 7 / 1000 is slightly more than 0.7 / 100. */
const ROUNDING = 1e-9;

/**
 * Compares a model before and after training.
 *
 * @param before counts of all classes before training, indexed by label
 * @param after counts of all classes after training, indexed by label
 */
export function computeTradeoff(
  before: readonly ClassCount[],
  after: readonly ClassCount[],
  { targetLabels, maxDrop }: Budget,
): Tradeoff {
  const labels = [...before.keys()];
  const targets = targetLabels.length === 0 ? labels : labels.filter((label) => targetLabels.includes(label));
  const guarded =
    targetLabels.length === 0 ? labels : labels.filter((label) => !targetLabels.includes(label));
  const gainOf = (classes: readonly number[]) => {
    const support = sum(classes, (label) => before[label]!.support);
    const corrected = sum(classes, (label) => before[label]!.errors - after[label]!.errors);
    return support === 0 ? 0 : corrected / support;
  };
  const drops = guarded
    .filter((label) => before[label]!.support > 0)
    .map((label) => ({ label, drop: -gainOf([label]) }));
  const worst = drops.reduce<(typeof drops)[number] | undefined>(
    (largest, candidate) => (largest && largest.drop >= candidate.drop ? largest : candidate),
    undefined,
  );
  const drop = worst?.drop ?? 0;
  return {
    gain: gainOf(targets),
    drop,
    dropLabel: worst?.label,
    errors: sum(labels, (label) => after[label]!.errors),
    withinBudget: drop <= maxDrop + ROUNDING,
  };
}

/** Returns the candidate within the budget with the largest gain. Ties go to fewer errors, then to the first one. */
export function bestWithinBudget<T extends Tradeoff>(candidates: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const candidate of candidates) {
    if (!candidate.withinBudget) continue;
    const isBetter =
      !best || candidate.gain > best.gain || (candidate.gain === best.gain && candidate.errors < best.errors);
    if (isBetter) best = candidate;
  }
  return best;
}

/** Returns whether each of the last `patience` checks exceeded the budget. */
export function isExhausted(checks: readonly Tradeoff[], patience: number): boolean {
  return checks.length >= patience && checks.slice(-patience).every(({ withinBudget }) => !withinBudget);
}

/** @throws UsageError if `maxDrop` is not in [0, 1], or a target label is not in [0, classes) */
export function validateBudget(budget: Budget, classes: number): void {
  const fields = { targetLabels: 'object', maxDrop: 'number' } as const;
  requireFields('budget', budget, fields, 'pass { targetLabels: [2, 3], maxDrop: 0.01 }');
  const { targetLabels, maxDrop } = budget;
  if (!(maxDrop >= 0 && maxDrop <= 1)) {
    throw new UsageError(
      'invalid-argument',
      `maximum drop ${100 * maxDrop} points: must be from 0 to 100 points`,
    );
  }
  const outside = targetLabels.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes));
  if (outside !== undefined) {
    throw new UsageError(
      'invalid-argument',
      `target label ${outside} is outside the ${classes} classes (0 to ${classes - 1})`,
    );
  }
}

function sum(labels: readonly number[], count: (label: number) => number): number {
  return labels.reduce((total, label) => total + count(label), 0);
}
