import { UsageError } from '../../errors.ts';

/** The validation examples of one class. */
export interface ClassCount {
  /** Number of examples. */
  readonly support: number;
  /** How many of them are misclassified. */
  readonly errors: number;
}

/** What fine-tuning may cost. */
export interface Budget {
  /** The classes that training is meant to improve. Empty: all classes, which are then all guarded as well. */
  readonly targetLabels: readonly number[];
  /** The most accuracy that any single other class may lose, as a fraction: 0.01 is one percentage point. */
  readonly maxDrop: number;
}

/** What training gained and cost on the validation set, compared with the model before. */
export interface Tradeoff {
  /** Accuracy gained by the target classes together, as a fraction; negative for a loss. */
  readonly gain: number;
  /** Accuracy lost by the guarded class that lost most, as a fraction; negative if all gained. */
  readonly drop: number;
  /** The label of that class; undefined if no guarded class has examples. */
  readonly dropLabel?: number;
  /** Misclassified examples of all classes. */
  readonly errors: number;
  readonly withinBudget: boolean;
}

/** A drop of 7 in 1000 images is computed as slightly more than a budget of 0.7 / 100. */
const ROUNDING = 1e-9;

/**
 * Compares a model before and after training.
 *
 * @param before counts of all classes, indexed by label
 * @param after the same after training
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

/** Returns the candidate within the budget that gains most; on a tie the one with fewer errors, then the first. */
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

/** Whether the last `patience` checks all exceeded the budget. */
export function isExhausted(checks: readonly Tradeoff[], patience: number): boolean {
  return checks.length >= patience && checks.slice(-patience).every(({ withinBudget }) => !withinBudget);
}

/** @throws UsageError if `maxDrop` is not a fraction, or a target label is not a class */
export function validateBudget({ targetLabels, maxDrop }: Budget, classes: number): void {
  if (!(maxDrop >= 0 && maxDrop <= 1)) {
    throw new UsageError(
      'invalid-argument',
      `largest drop ${100 * maxDrop} points: must be from 0 to 100 points`,
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
