import type { Evaluation } from './evaluation.ts';

/** A wrong prediction. */
export interface Mistake {
  /** Position in the evaluated examples. */
  readonly index: number;
  readonly truth: string;
  readonly predicted: string;
  readonly confidence: number;
}

/** The wrong predictions made with most confidence; of those that `baseline` read right, when it is given. */
export function worstMistakes(evaluation: Evaluation, limit: number, baseline?: Evaluation): Mistake[] {
  const { classNames, labels, predictions, confidences } = evaluation;
  const wrong: number[] = [];
  for (const [index, label] of labels.entries()) {
    if (predictions[index] === label) continue;
    if (baseline && baseline.predictions[index] !== label) continue;
    wrong.push(index);
  }
  return wrong
    .sort((a, b) => confidences[b]! - confidences[a]! || a - b)
    .slice(0, limit)
    .map((index) => ({
      index,
      truth: classNames[labels[index]!]!,
      predicted: classNames[predictions[index]!]!,
      confidence: confidences[index]!,
    }));
}
