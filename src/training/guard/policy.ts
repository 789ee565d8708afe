import { UsageError } from '../../errors.ts';

/** How many examples of a class there are, and how many of them are read wrong. */
export interface ClassCount {
  readonly support: number;
  readonly errors: number;
}

/** What tuning may cost. */
export interface Budget {
  /** Labels of the classes that are tuned; none means all, and then every class is guarded. */
  readonly targetLabels: readonly number[];
  /** The most accuracy that any single class that is not tuned may lose, as a fraction: 0.01 is one point. */
  readonly maxDrop: number;
}

/** What tuning gained and cost on a validation set, compared with the model before. */
export interface Tradeoff {
  /** Accuracy gained by the tuned classes together, as a fraction; negative for a loss. */
  readonly gain: number;
  /** Accuracy lost by the guarded class that lost most, as a fraction; negative when all gained. */
  readonly drop: number;
  /** The label of that class; undefined when no guarded class has examples. */
  readonly dropLabel?: number;
  /** Errors on all classes. */
  readonly errors: number;
  readonly withinBudget: boolean;
}

/** 0.7 points as a fraction is a little less than 7 images of 1000. */
const ROUNDING = 1e-9;

/** Compares the counts of each class, by label, before and after tuning. */
export function computeTradeoff(
  before: readonly ClassCount[],
  after: readonly ClassCount[],
  { targetLabels, maxDrop }: Budget,
): Tradeoff {
  const labels = [...before.keys()];
  const isTuned = (label: number) => targetLabels.length === 0 || targetLabels.includes(label);
  const isGuarded = (label: number) => targetLabels.length === 0 || !targetLabels.includes(label);
  const gainedBy = (chosen: readonly number[]) => {
    const support = sum(chosen, (label) => before[label]!.support);
    const fixed = sum(chosen, (label) => before[label]!.errors - after[label]!.errors);
    return support === 0 ? 0 : fixed / support;
  };
  let drop = Number.NEGATIVE_INFINITY;
  let dropLabel: number | undefined;
  for (const label of labels) {
    if (!isGuarded(label) || before[label]!.support === 0) continue;
    const lost = -gainedBy([label]);
    if (lost > drop) [drop, dropLabel] = [lost, label];
  }
  if (dropLabel === undefined) drop = 0;
  const errors = sum(labels, (label) => after[label]!.errors);
  return {
    gain: gainedBy(labels.filter(isTuned)),
    drop,
    dropLabel,
    errors,
    withinBudget: drop <= maxDrop + ROUNDING,
  };
}

/** Of the balances within the budget that with the most gain; fewer errors in all, then the first, wins ties. */
export function bestWithinBudget<T extends Tradeoff>(balances: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const one of balances) {
    if (!one.withinBudget) continue;
    if (!best || one.gain > best.gain || (one.gain === best.gain && one.errors < best.errors)) best = one;
  }
  return best;
}

/** Whether the last `patience` balances were all beyond the budget. */
export function isExhausted(balances: readonly Tradeoff[], patience: number): boolean {
  return balances.length >= patience && balances.slice(-patience).every((one) => !one.withinBudget);
}

/** @throws UsageError when the budget is no fraction, or a label has no class */
export function checkBudget({ targetLabels, maxDrop }: Budget, classes: number): void {
  if (!(maxDrop >= 0 && maxDrop <= 1)) {
    throw new UsageError(
      'invalid-argument',
      `the largest drop is ${100 * maxDrop} points; it has to be from 0 to 100`,
    );
  }
  const outside = targetLabels.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes));
  if (outside !== undefined) {
    throw new UsageError(
      'invalid-argument',
      `tuned class ${outside} is outside the ${classes} classes (0 to ${classes - 1})`,
    );
  }
}

function sum(labels: readonly number[], count: (label: number) => number): number {
  return labels.reduce((total, label) => total + count(label), 0);
}
