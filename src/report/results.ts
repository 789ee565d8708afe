import {
  type Averages,
  type ClassMetrics,
  type ClassScore,
  type Comparison,
  classificationMetrics,
  compareEvaluations,
  confusionMatrix,
  type Evaluation,
  type Interval,
  overall,
  perClass,
  type Score,
  wilson,
} from '../metrics/index.ts';
import type { Report } from './report.ts';

/** A score with the 95 % Wilson interval of its accuracy. */
type Measured = Score & { readonly interval: Interval | null };

/** The numbers of one evaluation. */
export interface EvaluationResults {
  readonly loss: number;
  readonly total: Measured;
  readonly classes: readonly (Measured & ClassScore & ClassMetrics)[];
  readonly macro: Averages;
  readonly weighted: Averages;
  readonly calibrationError: number;
  /** Counts by true class (row) and predicted class (column). */
  readonly confusionMatrix: readonly (readonly number[])[];
}

/** The numbers of a report: all of them follow from its predictions. */
export interface Results {
  readonly evaluation: EvaluationResults;
  readonly baseline?: EvaluationResults;
  readonly comparison?: Comparison;
}

/** Computes the numbers of a report from its predictions. */
export function resultsOf({ evaluation, baseline, targetLabels }: Report): Results {
  const results = { evaluation: evaluationResults(evaluation) };
  if (!baseline) return results;
  return {
    ...results,
    baseline: evaluationResults(baseline),
    comparison: compareEvaluations(baseline, evaluation, { targetLabels }),
  };
}

function evaluationResults(evaluation: Evaluation): EvaluationResults {
  const { classes, ...metrics } = classificationMetrics(evaluation);
  return {
    loss: evaluation.loss,
    total: measured(overall(evaluation)),
    classes: perClass(evaluation).map((score, label) => ({ ...classes[label]!, ...measured(score) })),
    ...metrics,
    confusionMatrix: confusionMatrix(evaluation),
  };
}

function measured<T extends Score>(score: T): T & { interval: Interval | null } {
  return { ...score, interval: wilson(score.support - score.errors, score.support) };
}
