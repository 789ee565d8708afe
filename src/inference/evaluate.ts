import type * as tf from '@tensorflow/tfjs';
import { defaultClassNames, type ImageDataset, requireLabels } from '../data/index.ts';
import { DataError } from '../errors.ts';
import type { Evaluation } from '../metrics/index.ts';
import type { EngineName } from '../training/index.ts';
import { Classifier, type ClassifierOptions } from './classifier.ts';

/** How a model is run, and what its classes are called. */
export interface EvaluateOptions extends ClassifierOptions {
  /** By default the numbers of the classes. */
  readonly classNames?: readonly string[];
}

/** Evaluates one model time and again, as it is each time. */
export interface Evaluator {
  /** What it runs on, so far. */
  readonly engine: EngineName;
  /** @throws DataError when the images or the labels do not fit the model, or there are none */
  evaluate(dataset: ImageDataset): Evaluation;
  /** Frees what was compiled; the model stays. */
  dispose(): void;
}

/**
 * For several evaluations of a model whose weights and adapters may change in between: what is compiled for one
 * serves the next. The caller disposes it.
 *
 * @param model takes one image and gives logits [batch, classes]
 * @throws UsageError when the model ends in a softmax, or for an engine or a batch size that is none
 */
export function createEvaluator(
  model: tf.LayersModel,
  { classNames, ...options }: EvaluateOptions,
): Evaluator {
  const classifier = new Classifier(model, options);
  const { classes } = classifier;
  const names = classNames ?? defaultClassNames(classes);
  return {
    get engine() {
      return classifier.engine;
    },
    evaluate: (dataset) => {
      const { images, labels, count } = dataset;
      if (count === 0)
        throw new DataError('invalid-data', 'there are no images to evaluate on; give at least one');
      requireLabels(labels, classes);
      const logits = classifier.logits(images, dataset);
      return { count, classNames: names, labels, ...readLogits(logits, labels, classes) };
    },
    dispose: () => classifier.dispose(),
  };
}

/**
 * Runs a classifier over a labelled set once; `createEvaluator` is faster where that is done again.
 *
 * @param model takes one image and gives logits [batch, classes]
 * @throws DataError when the images or the labels do not fit the model, or there are none
 * @throws UsageError when the model ends in a softmax, or for an engine or a batch size that is none
 */
export function evaluate(model: tf.LayersModel, dataset: ImageDataset, options: EvaluateOptions): Evaluation {
  const evaluator = createEvaluator(model, options);
  try {
    return evaluator.evaluate(dataset);
  } finally {
    evaluator.dispose();
  }
}

/** Prediction and softmax of each row; the loss is -ln of the softmax at the label, its mean in double precision. */
function readLogits(logits: Float32Array, labels: Uint8Array, classes: number) {
  const count = labels.length;
  const predictions = new Uint8Array(count);
  const confidences = new Float32Array(count);
  let loss = 0;
  for (let row = 0; row < count; row++) {
    const first = row * classes;
    let best = first;
    for (let index = first + 1; index < first + classes; index++) {
      if (logits[index]! > logits[best]!) best = index;
    }
    const largest = logits[best]!;
    let sum = 0;
    for (let index = first; index < first + classes; index++) sum += Math.exp(logits[index]! - largest);
    predictions[row] = best - first;
    confidences[row] = 1 / sum;
    loss += Math.log(sum) + largest - logits[first + labels[row]!]!;
  }
  return { predictions, confidences, loss: loss / count };
}
