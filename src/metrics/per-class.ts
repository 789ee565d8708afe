import { type Evaluation, requireEvaluation } from './evaluation.ts';

/** How many examples of one or several classes were classified correctly. */
export interface Score {
  /** Examples whose true class this is. */
  readonly support: number;
  /** Misclassified examples. */
  readonly errors: number;
  /** Fraction classified correctly, 0 to 1; null without examples. */
  readonly accuracy: number | null;
}

/** The score of one class. */
export interface ClassScore extends Score {
  readonly className: string;
}

/**
 * The score of each class, in label order.
 *
 * @throws UsageError if the evaluation is not what its type says
 * @example
 * for (const { className, errors, support } of perClass(evaluation)) {
 *   console.log(`${className}: ${errors} of ${support} wrong`);
 * }
 */
export function perClass(evaluation: Evaluation): ClassScore[] {
  requireEvaluation('evaluation', evaluation);
  const { classNames, labels, predictions } = evaluation;
  const support = new Array<number>(classNames.length).fill(0);
  const errors = new Array<number>(classNames.length).fill(0);
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    support[label]!++;
    if (predictions[index] !== label) errors[label]!++;
  }
  return classNames.map((className, label) => ({ className, ...scoreOf(support[label]!, errors[label]!) }));
}

/** The score over all examples, with the errors of `perClass`. */
export function overall(evaluation: Evaluation): Score {
  return pooled(perClass(evaluation));
}

/** The score over the examples of several classes together, so that each class counts by its support. */
export function pooled(scores: readonly Score[]): Score {
  return scoreOf(
    scores.reduce((sum, { support }) => sum + support, 0),
    scores.reduce((sum, { errors }) => sum + errors, 0),
  );
}

function scoreOf(support: number, errors: number): Score {
  return { support, errors, accuracy: support === 0 ? null : (support - errors) / support };
}
