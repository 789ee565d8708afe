import { checkArgument } from '../arguments.ts';
import { type Evaluation, requireConfidences, requireEvaluation } from './evaluation.ts';

/** A misclassified example. */
export interface Mistake {
  /** Position of the example in the evaluation. */
  readonly index: number;
  readonly truth: string;
  readonly predicted: string;
  /** Softmax probability of the wrong prediction, 0 to 1. */
  readonly confidence: number;
}

/**
 * The misclassified examples with the highest confidence, highest first, equal ones in order.
 *
 * @param baseline if given, only mistakes on examples that the baseline classified correctly
 * @throws UsageError if an argument is not what its type says
 */
export function worstMistakes(evaluation: Evaluation, limit: number, baseline?: Evaluation): Mistake[] {
  requireConfidences('evaluation', evaluation);
  checkArgument('limit', limit, 'number');
  if (baseline !== undefined) requireEvaluation('baseline', baseline);
  const { classNames, labels, predictions, confidences } = evaluation;
  const mistakes: number[] = [];
  for (const [index, label] of labels.entries()) {
    if (predictions[index] === label) continue;
    if (baseline && baseline.predictions[index] !== label) continue;
    mistakes.push(index);
  }
  return mistakes
    .sort((a, b) => confidences[b]! - confidences[a]!)
    .slice(0, limit)
    .map((index) => ({
      index,
      truth: classNames[labels[index]!]!,
      predicted: classNames[predictions[index]!]!,
      confidence: confidences[index]!,
    }));
}
