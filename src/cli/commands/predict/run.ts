import { basename, join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError, DataError, UsageError } from '../../../errors.ts';
import { ensureDir, jsonText, withFileErrors, writeFileAtomic } from '../../../files/index.ts';
import { Classifier } from '../../../inference/index.ts';
import { takeValues } from '../../../models/index.ts';
import {
  classifyImages,
  encodeGreyPng,
  type ImageSize,
  type InputImage,
  readImages,
} from '../../../pictures/index.ts';
import { openRun, type Run } from '../../../runs/index.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import type { PredictOptions } from './command.ts';
import { predictionDocument, renderPredictions } from './render.ts';

/** Classifies the files with the model of a run and prints what it says. */
export async function predict(
  files: readonly string[],
  options: PredictOptions,
  context: CliContext,
): Promise<void> {
  await useTensorFlow(options, context);
  const run = await openRun(options.model, context.cwd);
  const size = imageSize(run);
  const images: InputImage[] = [];
  for (const file of files) {
    const read = await readImages(resolve(context.cwd, file), size, options.rows);
    images.push(...read.map((image) => ({ ...image, file })));
  }
  if (options.rows && images.every(({ row }) => row === undefined)) {
    throw new UsageError(
      'invalid-argument',
      '--rows: none of the files holds rows, as IDX files do; leave it out',
    );
  }
  if (options.prepared) await writePrepared(images, size, resolve(context.cwd, options.prepared));
  const { classNames, normalization } = run.manifest;
  const classifier = new Classifier(run.model, { normalization });
  const predictions = await classifyImages(images, async (pixels) =>
    probabilities(classifier.logits(pixels, size), classifier.classes),
  );
  classifier.dispose();
  context.print(
    options.json
      ? jsonText(predictionDocument(predictions, classNames, options.model))
      : renderPredictions(predictions, classNames, options.top),
  );
}

function probabilities(logits: Float32Array, classes: number): Float32Array {
  return takeValues(tf.tidy(() => tf.softmax(tf.tensor2d(logits, [logits.length / classes, classes]))));
}

/** The size of the images a model takes; a flat input is that of a square. */
function imageSize({ model, folder }: Run): ImageSize {
  const shape = model.inputs[0]!.shape.slice(1) as number[];
  const [height, width] = shape.length === 1 ? [Math.sqrt(shape[0]!), Math.sqrt(shape[0]!)] : shape;
  const channels = shape[2] ?? 1;
  if (model.inputs.length !== 1 || !Number.isInteger(height) || !Number.isInteger(width) || channels !== 1) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}: its model takes [${shape}], not one image in shades of grey`,
    );
  }
  return { height: height!, width: width! };
}

async function writePrepared(
  images: readonly InputImage[],
  size: ImageSize,
  directory: string,
): Promise<void> {
  await withFileErrors(DataError, directory, 'written', () => ensureDir(directory));
  for (const [index, { file, row, pixels }] of images.entries()) {
    const name = `${index}-${basename(file).replace(/\.[^.]*$/, '')}${row === undefined ? '' : `-row-${row}`}.png`;
    const path = join(directory, name);
    await withFileErrors(DataError, path, 'written', () =>
      writeFileAtomic(path, encodeGreyPng(pixels, size)),
    );
  }
}
