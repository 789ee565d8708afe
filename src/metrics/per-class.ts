import type { Evaluation } from './evaluation.ts';

/** How many examples of one class, or of several together, were read right. */
export interface Score {
  /** Examples whose true class this is. */
  readonly support: number;
  readonly errors: number;
  /** Fraction read right, 0..1; null without examples. */
  readonly accuracy: number | null;
}

/** The score of one class, by its name. */
export interface ClassScore extends Score {
  readonly className: string;
}

/** The score of each class, in label order. */
export function perClass(evaluation: Evaluation): ClassScore[] {
  const { classNames, labels, predictions } = evaluation;
  const support = new Array<number>(classNames.length).fill(0);
  const errors = new Array<number>(classNames.length).fill(0);
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    support[label]!++;
    if (predictions[index] !== label) errors[label]!++;
  }
  return classNames.map((className, label) => ({ className, ...score(support[label]!, errors[label]!) }));
}

/** The score of all classes. */
export function overall(evaluation: Evaluation): Score {
  return pooled(perClass(evaluation));
}

/** The score of several classes as one. */
export function pooled(scores: readonly Score[]): Score {
  return score(
    scores.reduce((sum, { support }) => sum + support, 0),
    scores.reduce((sum, { errors }) => sum + errors, 0),
  );
}

function score(support: number, errors: number): Score {
  return { support, errors, accuracy: support === 0 ? null : (support - errors) / support };
}
