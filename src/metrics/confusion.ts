import { checkArgument } from '../arguments.ts';
import { type Evaluation, requireEvaluation } from './evaluation.ts';

/**
 * Counts of examples by true label (row) and predicted label (column): `matrix[label][prediction]`.
 *
 * @throws UsageError if the evaluation is not what its type says
 */
export function confusionMatrix(evaluation: Evaluation): number[][] {
  requireEvaluation('evaluation', evaluation);
  const { classNames, labels, predictions } = evaluation;
  const matrix = classNames.map(() => new Array<number>(classNames.length).fill(0));
  for (let index = 0; index < labels.length; index++) matrix[labels[index]!]![predictions[index]!]!++;
  return matrix;
}

/** How many examples of one class were predicted as another, before and after. */
export interface ConfusionChange {
  readonly truth: string;
  readonly predicted: string;
  readonly before: number;
  readonly after: number;
}

/**
 * The confusions (pairs of true and predicted class) whose count changed, largest change first, ties in label order.
 *
 * @throws UsageError if an argument is not what its type says
 */
export function topConfusionChanges(before: Evaluation, after: Evaluation, limit = 8): ConfusionChange[] {
  requireEvaluation('before', before);
  requireEvaluation('after', after);
  checkArgument('limit', limit, 'number');
  const { classNames } = before;
  const matrixBefore = confusionMatrix(before);
  const matrixAfter = confusionMatrix(after);
  const cells = classNames.flatMap((truth, row) =>
    classNames.map((predicted, column) => ({
      truth,
      predicted,
      before: matrixBefore[row]![column]!,
      after: matrixAfter[row]![column]!,
    })),
  );
  return cells
    .filter((cell) => cell.truth !== cell.predicted && cell.before !== cell.after)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
    .slice(0, limit);
}
