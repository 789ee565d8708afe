import { checkArgument, checkFields } from '../arguments.ts';
import { UsageError } from '../errors.ts';

/** The predictions of a classifier on labelled examples. All metrics are computed from these. */
export interface Evaluation {
  /** Number of examples. */
  readonly count: number;
  /** Name of each class, in label order; digits are '0' to '9'. */
  readonly classNames: readonly string[];
  /** `dataHash` of the evaluated images and labels. Absent if unknown, such as in reports of older versions. */
  readonly dataHash?: string;
  /** The true label of each example. */
  readonly labels: Uint8Array;
  /** The label with the largest logit of each example; of equal logits the lowest label. */
  readonly predictions: Uint8Array;
  /** Softmax probability of each prediction, 0 to 1. */
  readonly confidences: Float32Array;
  /** Mean cross entropy over the examples. */
  readonly loss: number;
}

/**
 * Checks an evaluation that a caller gives. Its confidences are only looked at where they are used.
 *
 * @param name of the argument, for the message
 * @throws UsageError naming the first part that is not as `Evaluation` describes it
 */
export function requireEvaluation(name: string, evaluation: Evaluation): void {
  checkFields(name, evaluation, { classNames: 'strings', labels: 'numbers', predictions: 'numbers' });
  const { classNames, labels, predictions } = evaluation;
  const invalid = (problem: string) => new UsageError('invalid-argument', `${name}.${problem}`);
  if (predictions.length !== labels.length)
    throw invalid(`predictions: has ${predictions.length} examples, labels has ${labels.length}`);
  for (const [part, values] of Object.entries({ labels, predictions })) {
    const index = values.findIndex((label) => classNames[label] === undefined);
    if (index < 0) continue;
    throw invalid(
      `${part}: label ${values[index]} at position ${index} is outside the ${classNames.length} classes`,
    );
  }
}

/** @throws UsageError if the evaluation has not one confidence for each example, or what `requireEvaluation` throws */
export function requireConfidences(name: string, evaluation: Evaluation): void {
  requireEvaluation(name, evaluation);
  const { confidences, labels } = evaluation;
  checkArgument(`${name}.confidences`, confidences, 'numbers');
  if (confidences.length === labels.length) return;
  throw new UsageError(
    'invalid-argument',
    `${name}.confidences: has ${confidences.length} examples, labels has ${labels.length}`,
  );
}
