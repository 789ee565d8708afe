import type { Evaluation } from './evaluation.ts';

/** Counts of examples by true class (row) and predicted class (column): [classes][classes]. */
export function confusionMatrix(evaluation: Evaluation): number[][] {
  const { classNames, labels, predictions } = evaluation;
  const matrix = classNames.map(() => new Array<number>(classNames.length).fill(0));
  for (let index = 0; index < labels.length; index++) matrix[labels[index]!]![predictions[index]!]!++;
  return matrix;
}

/** How often a class was mistaken for another one, before and after. */
export interface ConfusionChange {
  readonly truth: string;
  readonly predicted: string;
  readonly before: number;
  readonly after: number;
}

/** The mistakes whose count changed, largest change first, then in label order. */
export function topConfusionChanges(before: Evaluation, after: Evaluation, limit = 8): ConfusionChange[] {
  const names = before.classNames;
  const [old, now] = [confusionMatrix(before), confusionMatrix(after)];
  const moved = names.flatMap((truth, row) =>
    names.map((predicted, column) => ({
      truth,
      predicted,
      before: old[row]![column]!,
      after: now[row]![column]!,
    })),
  );
  return moved
    .filter((change) => change.truth !== change.predicted && change.before !== change.after)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
    .slice(0, limit);
}
