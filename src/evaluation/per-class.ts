import type { Evaluation } from './evaluation.ts';

/** How many examples of one class, or of several together, were read right. */
export interface Score {
  /** Examples whose true class this is. */
  readonly support: number;
  readonly errors: number;
  /** Fraction read right, 0..1; null without examples. */
  readonly accuracy: number | null;
}

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

/** The score of the classes in `members` (label indices) together; of all when it is left out. */
export function overall(evaluation: Evaluation, members?: ReadonlySet<number>): Score {
  let support = 0;
  let errors = 0;
  for (const [label, one] of perClass(evaluation).entries()) {
    if (members && !members.has(label)) continue;
    support += one.support;
    errors += one.errors;
  }
  return score(support, errors);
}

function score(support: number, errors: number): Score {
  return { support, errors, accuracy: support === 0 ? null : (support - errors) / support };
}
