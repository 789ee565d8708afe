import type * as tf from '@tensorflow/tfjs';
import { checkFields, checkOptions } from '../arguments.ts';
import {
  dataHash,
  defaultClassNames,
  type ImageDataset,
  requireDataset,
  requireLabels,
} from '../data/index.ts';
import { DataError } from '../errors.ts';
import type { Evaluation } from '../metrics/index.ts';
import type { EngineName } from '../training/index.ts';
import { Classifier, type ClassifierOptions, type Scores } from './classifier.ts';

/** How a model is evaluated. */
export interface EvaluateOptions extends ClassifierOptions {
  /** Name of each class, in label order. Default '0', '1', and so on. */
  readonly classNames?: readonly string[];
}

/** Evaluates one model many times. */
export interface Evaluator {
  /** The engine that the model currently runs on. */
  readonly engine: EngineName;
  /**
   * Evaluates the model with its current weights and adapters. A GPU keeps the images for the next evaluation of the same
   * data set, so their bytes must not change.
   *
   * @throws UsageError if the data set is not what its type says
   * @throws DataError if the images or labels do not fit the model, or there are none
   */
  evaluate(dataset: ImageDataset): Evaluation;
  /** Frees the compiled model and the images on a GPU. The model itself stays. */
  dispose(): void;
}

/**
 * Creates an evaluator. It is faster than several calls of `evaluate`, because the model is compiled only once;
 * weights, active adapters and strengths may still change between evaluations. The caller disposes it.
 *
 * @param model takes one image, and returns logits [batch, classes]
 * @throws UsageError if the model ends in a softmax, or an option is invalid
 * @example
 * const evaluator = createEvaluator(model, { normalization: mnistNormalization });
 * const { loss, predictions } = evaluator.evaluate(validation);
 * evaluator.dispose();
 */
export function createEvaluator(model: tf.LayersModel, options: EvaluateOptions): Evaluator {
  checkOptions(options, {
    normalization: 'object',
    batchSize: 'number?',
    engine: 'string?',
    classNames: 'strings?',
  });
  const { classNames, ...classifierOptions } = options;
  checkFields('normalization', options.normalization, { mean: 'number', std: 'number' });
  const classifier = new Classifier(model, classifierOptions);
  const { classes } = classifier;
  const names = classNames ?? defaultClassNames(classes);
  return {
    get engine() {
      return classifier.engine;
    },
    evaluate: (dataset) => {
      requireDataset('dataset', dataset);
      const { images, labels, count } = dataset;
      if (count === 0) {
        throw new DataError('invalid-data', 'there are no images to evaluate on; provide at least one');
      }
      requireLabels(labels, classes);
      const scores = classifier.classify(images, dataset);
      return {
        count,
        classNames: names,
        // A getter, because hashing takes time and the checks of the guard do not need the hash.
        get dataHash() {
          return dataHash(dataset);
        },
        labels,
        ...evaluateScores(scores, labels, classes),
      };
    },
    dispose: () => classifier.dispose(),
  };
}

/**
 * Evaluates a model on labelled images once.
 *
 * @param model takes one image, and returns logits [batch, classes]
 * @throws DataError if the images or labels do not fit the model, or there are none
 * @throws UsageError if the model ends in a softmax, or an argument is invalid
 * @example
 * const { loss, predictions, confidences } = evaluate(model, test, { normalization: mnistNormalization });
 */
export function evaluate(model: tf.LayersModel, dataset: ImageDataset, options: EvaluateOptions): Evaluation {
  const evaluator = createEvaluator(model, options);
  try {
    return evaluator.evaluate(dataset);
  } finally {
    evaluator.dispose();
  }
}

/** Returns prediction and softmax probability of each row, and the mean cross-entropy, summed in double precision. */
function evaluateScores(
  { logits, predictions, oddsAgainst }: Scores,
  labels: Uint8Array,
  classes: number,
): Pick<Evaluation, 'predictions' | 'confidences' | 'loss'> {
  const count = labels.length;
  const confidences = new Float32Array(count);
  let loss = 0;
  for (let row = 0; row < count; row++) {
    const odds = oddsAgainst[row]!;
    const first = row * classes;
    confidences[row] = 1 / (1 + odds);
    // -log(p) of the predicted class is log(1 + odds); another class is less likely by the difference of the logits.
    loss += Math.log1p(odds) + (logits[first + predictions[row]!]! - logits[first + labels[row]!]!);
  }
  return { predictions, confidences, loss: loss / count };
}
