export { evenBatch, largestBatch } from './batch-size.ts';
export { Classifier, type ClassifierOptions } from './classifier.ts';
export { createEvaluator, type EvaluateOptions, type Evaluator, evaluate } from './evaluate.ts';
