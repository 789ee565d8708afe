import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import { Classifier } from '../inference/index.ts';
import { imageSizeOf, takeValues } from '../models/index.ts';
import {
  classifyImages,
  type ImageSize,
  type InputImage,
  type Prediction,
  readImages,
} from '../pictures/index.ts';
import { dataOptionsFor } from './data.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions } from './options.ts';
import { withRun } from './scope.ts';

/** Options of `predict`. */
export interface PredictOptions extends Omit<RecipeOptions, 'data'> {
  /** Folder of the run whose model classifies. */
  readonly run: string;
  /** PNG files of any size and color, and IDX files of images of the model's size. */
  readonly files: readonly string[];
  /** Rows of the IDX files. Default: all. */
  readonly rows?: readonly number[];
}

/** What `predict` returns. */
export interface Predictions {
  readonly classNames: readonly string[];
  /** In the order of the files and rows. */
  readonly predictions: readonly Prediction[];
  /** The images as the model gets them, in the same order. */
  readonly images: readonly InputImage[];
  /** Size of the images. */
  readonly size: ImageSize;
}

/**
 * Classifies PNG files and rows of IDX files with the model of a run.
 *
 * @throws UsageError if an option is invalid, an IDX file does not have one of the rows, or `rows` is set without an IDX file
 * @throws DataError if a file cannot be read, or is neither a PNG file nor an IDX file of the model's image size
 * @throws CheckpointError if the run cannot be read, or its model does not classify images
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const { predictions, classNames } = await predict({ run: 'runs/base', files: ['seven.png'] });
 * for (const { file, label } of predictions) console.log(file, classNames[label]);
 */
export async function predict(options: PredictOptions): Promise<Predictions> {
  checkRecipeOptions(options, { run: 'string', files: 'strings', rows: 'numbers?' });
  const { run: path, files, rows, cwd = process.cwd() } = options;
  await loadRecipeTensorFlow(options);
  return await withRun(path, cwd, async ({ model, manifest }) => {
    const size = imageSizeOf(model);
    if (!size) {
      const shapes = model.inputs.map(({ shape }) => `[${shape.slice(1)}]`).join(' and ');
      throw new CheckpointError(
        'invalid-checkpoint',
        `${path}: the model takes ${shapes}, not one grayscale image`,
      );
    }
    const { adjust } = dataOptionsFor(options, manifest);
    const images: InputImage[] = [];
    for (const file of files) {
      const read = await readImages(resolve(cwd, file), size, { rows, adjust });
      images.push(...read.map((image) => ({ ...image, file })));
    }
    if (rows && images.every(({ row }) => row === undefined)) {
      throw new UsageError(
        'invalid-argument',
        'rows: none of the files is an IDX file, which has rows; omit them',
      );
    }
    const { classNames, normalization } = manifest;
    const classifier = new Classifier(model, { normalization });
    try {
      const predictions = await classifyImages(images, async (pixels, count) =>
        softmax(classifier.classify(pixels, size).logits, count),
      );
      return { classNames, predictions, images, size };
    } finally {
      classifier.dispose();
    }
  });
}

/** Probabilities [count, classes] of logits [count, classes]. */
function softmax(logits: Float32Array, count: number): Float32Array {
  return takeValues(tf.tidy(() => tf.softmax(tf.tensor2d(logits, [count, logits.length / count]))));
}
