import { confusionMatrix } from './confusion.ts';
import type { Evaluation } from './evaluation.ts';

/** Of one class; each a fraction 0..1. */
export interface ClassMetrics {
  readonly className: string;
  /** Of the examples read as this class, how many are; null when none were. */
  readonly precision: number | null;
  /** Of the examples of this class, how many were read as it; null without examples. */
  readonly recall: number | null;
  /** Harmonic mean of both; null when the class is neither truth nor prediction anywhere. */
  readonly f1: number | null;
}

/** Means over the classes; fractions 0..1. */
export interface Averages {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** What a confusion matrix and the confidences say, by class and in all. */
export interface Metrics {
  readonly classes: readonly ClassMetrics[];
  /** Mean over the classes that occur as truth or as prediction. */
  readonly macro: Averages;
  /** Mean weighted by support. */
  readonly weighted: Averages;
  /** See `calibrationError`. */
  readonly calibrationError: number;
}

/**
 * Precision, recall and F1 with scikit-learn's meaning (`precision_recall_fscore_support`): in the averages
 * an undefined fraction counts as 0.
 */
export function classificationMetrics(evaluation: Evaluation): Metrics {
  const matrix = confusionMatrix(evaluation);
  const counts = matrix.map((row, label) => ({
    right: row[label]!,
    support: row.reduce((sum, count) => sum + count, 0),
    predicted: matrix.reduce((sum, other) => sum + other[label]!, 0),
  }));
  const classes = counts.map(({ right, support, predicted }, label) => ({
    className: evaluation.classNames[label]!,
    precision: predicted === 0 ? null : right / predicted,
    recall: support === 0 ? null : right / support,
    f1: support + predicted === 0 ? null : (2 * right) / (support + predicted),
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
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (of: 'precision' | 'recall' | 'f1') =>
    classes.reduce((sum, one, index) => sum + (one[of] ?? 0) * weights[index]!, 0) / Math.max(total, 1);
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/**
 * Expected calibration error (Guo et al. 2017, arXiv:1706.04599, equation 3): how far confidence is from
 * accuracy, 0..1, over `bins` equal bins (lower, upper] of confidence.
 */
export function calibrationError(evaluation: Evaluation, bins = 15): number {
  const { labels, predictions, confidences } = evaluation;
  const surplus = new Float64Array(bins);
  for (const [index, confidence] of confidences.entries()) {
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    surplus[bin]! += confidence - (predictions[index] === labels[index] ? 1 : 0);
  }
  return surplus.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(labels.length, 1);
}
