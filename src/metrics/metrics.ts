import { checkArgument } from '../arguments.ts';
import { confusionMatrix } from './confusion.ts';
import { type Evaluation, requireConfidences } from './evaluation.ts';

/** Metrics of one class, fractions 0 to 1. */
export interface ClassMetrics {
  readonly className: string;
  /** Fraction of the examples predicted as this class that belong to it; null if there are none. */
  readonly precision: number | null;
  /** Fraction of the examples of this class that were predicted as it; null if there are none. */
  readonly recall: number | null;
  /** Harmonic mean of precision and recall; null if the class occurs neither as truth nor as prediction. */
  readonly f1: number | null;
}

/** Means over the classes, fractions 0 to 1. */
export interface Averages {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Metrics by class and over all classes. */
export interface Metrics {
  readonly classes: readonly ClassMetrics[];
  /** Unweighted mean over the classes that occur as truth or as prediction. */
  readonly macro: Averages;
  /** Mean weighted by support. */
  readonly weighted: Averages;
  /** See `calibrationError`. */
  readonly calibrationError: number;
}

/**
 * Precision, recall and F1 by class and on average, as scikit-learn's `precision_recall_fscore_support` defines them.
 * Where scikit-learn sets an undefined fraction to 0, it is null here; the averages count it as 0 as well.
 *
 * @throws UsageError if the evaluation is not what its type says
 * @example
 * const { macro, classes } = classificationMetrics(evaluation);
 * console.log(macro.f1, classes[3]?.recall);
 */
export function classificationMetrics(evaluation: Evaluation): Metrics {
  requireConfidences('evaluation', evaluation);
  const matrix = confusionMatrix(evaluation);
  const counts = matrix.map((row, label) => ({
    correct: row[label]!,
    support: row.reduce((sum, count) => sum + count, 0),
    predicted: matrix.reduce((sum, otherRow) => sum + otherRow[label]!, 0),
  }));
  const classes = counts.map(({ correct, support, predicted }, label) => ({
    className: evaluation.classNames[label]!,
    precision: predicted === 0 ? null : correct / predicted,
    recall: support === 0 ? null : correct / support,
    f1: support + predicted === 0 ? null : (2 * correct) / (support + predicted),
  }));
  return {
    classes,
    macro: average(
      classes,
      counts.map(({ support, predicted }) => (support + predicted === 0 ? 0 : 1)),
    ),
    weighted: average(
      classes,
      counts.map(({ support }) => support),
    ),
    calibrationError: calibrationError(evaluation),
  };
}

function average(classes: readonly ClassMetrics[], weights: readonly number[]): Averages {
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (metric: 'precision' | 'recall' | 'f1') =>
    classes.reduce((sum, values, label) => sum + (values[metric] ?? 0) * weights[label]!, 0) /
    Math.max(totalWeight, 1);
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/**
 * Expected calibration error: the mean distance between confidence and accuracy, over bins of equal width
 * (lower, upper], each weighted by its examples.
 *
 * Guo et al. 2017, "On calibration of modern neural networks", arXiv:1706.04599, equation 3.
 *
 * @param bins 15 by default, as in the paper
 * @returns 0 (perfectly calibrated) to 1
 * @throws UsageError if an argument is not what its type says
 */
export function calibrationError(evaluation: Evaluation, bins = 15): number {
  requireConfidences('evaluation', evaluation);
  checkArgument('bins', bins, 'number');
  const { labels, predictions, confidences } = evaluation;
  // Sum over each bin's examples of confidence minus 1 (correct) or 0 (wrong).
  const overconfidence = new Float64Array(bins);
  for (const [index, confidence] of confidences.entries()) {
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    overconfidence[bin]! += confidence - (predictions[index] === labels[index] ? 1 : 0);
  }
  return overconfidence.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(labels.length, 1);
}
