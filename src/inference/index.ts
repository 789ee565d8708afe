/** Runs a model on images: logits and predictions (classifier.ts), or predictions, confidences and loss (evaluate.ts). */
export { evenBatch, largestBatch } from './batch-size.ts';
export { Classifier, type ClassifierOptions } from './classifier.ts';
export { createEvaluator, type EvaluateOptions, type Evaluator, evaluate } from './evaluate.ts';
