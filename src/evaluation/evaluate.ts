import * as tf from '@tensorflow/tfjs';
import { DataError } from '../errors.ts';
import type { ImageDataset } from '../mnist-data-loader/dataset.ts';
import { requireLogits } from '../models/logits.ts';
import { type Normalization, normalize } from '../models/normalization.ts';
import { imageShape } from '../training/task.ts';
import type { Evaluation } from './evaluation.ts';
import { imageTensor } from './image-tensor.ts';

export interface EvaluateOptions {
  readonly normalization: Normalization;
  /** Images per call of the model; memory grows with it. */
  readonly batchSize?: number;
  /** By default the numbers of the classes. */
  readonly classNames?: readonly string[];
}

/**
 * Runs a classifier over a labelled set.
 *
 * @param model takes one image and gives logits [batch, classes]
 * @throws DataError when the images or the labels do not fit the model
 * @throws UsageError when the model ends in a softmax
 */
export function evaluate(
  model: tf.LayersModel,
  dataset: ImageDataset,
  { normalization, batchSize = 1000, classNames }: EvaluateOptions,
): Evaluation {
  requireLogits(model);
  const classes = model.outputs[0]!.shape.at(-1)!;
  const shape = imageShape(model, dataset);
  const outside = dataset.labels.findIndex((label) => label >= classes);
  if (outside >= 0) {
    throw new DataError(
      `label ${dataset.labels[outside]} of row ${outside} is outside the ${classes} classes of the model (0 to ${classes - 1})`,
    );
  }
  const predictions = new Uint8Array(dataset.count);
  const confidences = new Float32Array(dataset.count);
  const pixels = dataset.height * dataset.width;
  let loss = 0;
  for (let first = 0; first < dataset.count; first += batchSize) {
    const count = Math.min(batchSize, dataset.count - first);
    const images = dataset.images.subarray(first * pixels, (first + count) * pixels);
    const logits = tf.tidy(() => {
      const bytes = imageTensor(images, [count, ...shape]);
      return (model.apply(normalize(bytes, normalization), { training: false }) as tf.Tensor).dataSync();
    });
    for (let index = 0; index < count; index++) {
      const row = logits.subarray(index * classes, (index + 1) * classes) as Float32Array;
      const { prediction, logSum } = readLogits(row);
      predictions[first + index] = prediction;
      confidences[first + index] = Math.exp(row[prediction]! - logSum);
      loss += logSum - row[dataset.labels[first + index]!]!;
    }
  }
  return {
    count: dataset.count,
    classNames: classNames ?? Array.from({ length: classes }, (_, label) => String(label)),
    labels: dataset.labels,
    predictions,
    confidences,
    loss: loss / dataset.count,
  };
}

/** The largest logit, the first of equals, and ln(sum(e^logit)). */
function readLogits(logits: Float32Array): { prediction: number; logSum: number } {
  let prediction = 0;
  for (let label = 1; label < logits.length; label++) {
    if (logits[label]! > logits[prediction]!) prediction = label;
  }
  const largest = logits[prediction]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return { prediction, logSum: largest + Math.log(sum) };
}
