import {
  classificationMetrics,
  compareEvaluations,
  confusionMatrix,
  type Evaluation,
  type Interval,
  overall,
  perClass,
  type Score,
  wilsonInterval,
} from '../metrics/index.ts';
import { type Report, requireReport } from './report.ts';
import type { EvaluationResults, Results } from './schema.ts';

/**
 * Computes the numbers of a report from its predictions.
 *
 * @throws UsageError if the report is not what its type says
 */
export function resultsOf(report: Report): Results {
  requireReport(report);
  const { evaluation, baseline, targetLabels } = report;
  const results = { evaluation: evaluationResults(evaluation) };
  if (!baseline) return results;
  return {
    ...results,
    baseline: evaluationResults(baseline),
    comparison: compareEvaluations(baseline, evaluation, { targetLabels }),
  };
}

function evaluationResults(evaluation: Evaluation): EvaluationResults {
  const { classes, ...averages } = classificationMetrics(evaluation);
  return {
    loss: evaluation.loss,
    total: withInterval(overall(evaluation)),
    classes: perClass(evaluation).map((score, label) => ({ ...classes[label]!, ...withInterval(score) })),
    ...averages,
    confusionMatrix: confusionMatrix(evaluation),
  };
}

function withInterval<T extends Score>(score: T): T & { interval: Interval | null } {
  return { ...score, interval: wilsonInterval(score.support - score.errors, score.support) };
}
