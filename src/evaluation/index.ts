export { Classifier, type ClassifierOptions } from './classifier.ts';
export {
  type Change,
  type ClassChange,
  type Comparison,
  compareEvaluations,
  SIGNIFICANCE_LEVEL,
} from './comparison.ts';
export { type ConfusionChange, confusionMatrix, movedConfusions } from './confusion.ts';
export { createEvaluator, type EvaluateOptions, type Evaluator, evaluate } from './evaluate.ts';
export type { Evaluation } from './evaluation.ts';
export {
  type Averages,
  type ClassMetrics,
  calibrationError,
  classificationMetrics,
  type Metrics,
} from './metrics.ts';
export { type Mistake, worstMistakes } from './mistakes.ts';
export { type ClassScore, overall, perClass, type Score } from './per-class.ts';
export { holm, type Interval, mcnemar, wilson } from './significance.ts';
