export {
  type Change,
  type ClassChange,
  type Comparison,
  compareEvaluations,
  requireSameExamples,
  SIGNIFICANCE_LEVEL,
} from './comparison.ts';
export { type ConfusionChange, confusionMatrix, topConfusionChanges } from './confusion.ts';
export { type Evaluation, requireConfidences, requireEvaluation } from './evaluation.ts';
export {
  type Averages,
  type ClassMetrics,
  calibrationError,
  classificationMetrics,
  type Metrics,
} from './metrics.ts';
export { type Mistake, worstMistakes } from './mistakes.ts';
export { type ClassScore, overall, perClass, pooled, type Score } from './per-class.ts';
export { pairedTTest, type Repeated, repeated } from './repeated.ts';
export { holmCorrection, type Interval, mcnemarTest, wilsonInterval } from './significance.ts';
