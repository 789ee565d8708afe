import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import { type ImageDataset, subsetOf } from '../data/index.ts';
import { CheckpointError } from '../errors.ts';
import { jsonText, withFileErrors } from '../files/index.ts';
import { imageShape, imageSizeOf, requireLogits } from '../models/index.ts';
import { PAGE_FILES, type PageData, packImages, shuffleBytes } from '../page-data.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../peft/index.ts';
import { version } from '../version.ts';
import { dataOptionsFor, loadData } from './data.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import type { RecipeOptions } from './options.ts';
import { withRun } from './scope.ts';

/** Options of `pageFiles`. */
export interface PageFilesOptions extends RecipeOptions {
  /** Folder of the run whose base and adapter the page gets. */
  readonly run: string;
}

/** About how many images the page gets. With more, it takes longer to load: one takes 140 bytes. */
const TEST_IMAGES = 200;
const TRAIN_IMAGES = 150;

/**
 * Makes the files of a run that the page of `play` loads: its base, its adapter, and a few test and training images.
 *
 * @returns contents by path, see `PAGE_FILES`
 * @throws DataError if the images cannot be loaded or do not fit the model
 * @throws CheckpointError if the run cannot be read, or its model does not classify grayscale images
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const files = await pageFiles({ run: 'runs/base' });
 */
export async function pageFiles(options: PageFilesOptions): Promise<Map<string, Uint8Array>> {
  const { run: path, cwd } = options;
  await loadRecipeTensorFlow(options);
  return await withRun(path, cwd, async (run) => {
    requireImages(path, run.base);
    const { test, train } = await loadData(dataOptionsFor(options, run.manifest));
    imageShape(run.base, test);
    const testPart = subsetOf(test, { perClass: perClass(TEST_IMAGES, test), seed: 0 });
    const trainPart = subsetOf(train, { perClass: perClass(TRAIN_IMAGES, train), seed: 0 });
    const { weights, values, topology } = await modelParts(path, run.base);
    const data: PageData = {
      format: 'tfjs-lora page',
      version,
      run: basename(resolve(cwd ?? '', path)),
      classNames: run.manifest.classNames,
      size: { height: test.height, width: test.width },
      normalization: run.manifest.normalization,
      baseHash: run.manifest.contentHash,
      topology,
      weights,
      images: { test: testPart.count, train: trainPart.count },
      adapterStrength: run.manifest.adapter?.strength,
    };
    const files = new Map<string, Uint8Array>([
      [PAGE_FILES.data, Buffer.from(jsonText(data))],
      // Weights hardly repeat: without a search for repetitions the file is smaller.
      [PAGE_FILES.weights, gzipSync(shuffleBytes(values), { strategy: constants.Z_HUFFMAN_ONLY })],
      [PAGE_FILES.images, gzipSync(packedImages([testPart, trainPart]), { level: 9 })],
    ]);
    if (run.manifest.adapter) await addAdapter(files, join(run.folder, 'adapter'));
    return files;
  });
}

function requireImages(path: string, model: tf.LayersModel): void {
  requireLogits(model);
  if (imageSizeOf(model)) return;
  const shapes = model.inputs.map(({ shape }) => `[${shape.slice(1)}]`).join(' and ');
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: the model takes ${shapes}, not one grayscale image`,
  );
}

function perClass(images: number, { classes }: ImageDataset): number {
  return Math.max(1, Math.round(images / classes));
}

/** The topology and weights of a model, as tfjs saves them. */
async function modelParts(path: string, model: tf.LayersModel) {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  const { modelTopology, weightSpecs, weightData } = saved!;
  const weights = weightSpecs!.map(({ name, shape, dtype }) => {
    if (dtype !== 'float32') {
      throw new CheckpointError('invalid-checkpoint', `${path}: weight ${name} is ${dtype}, not float32`);
    }
    return { name, shape, dtype } as const;
  });
  const values = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  return { weights, values, topology: modelTopology as object };
}

function packedImages(datasets: readonly ImageDataset[]): Uint8Array {
  const pixels = Buffer.concat(datasets.map(({ images }) => images));
  return Buffer.concat([packImages(pixels), ...datasets.map(({ labels }) => labels)]);
}

async function addAdapter(files: Map<string, Uint8Array>, folder: string): Promise<void> {
  const read = (name: string) =>
    withFileErrors(CheckpointError, join(folder, name), 'read', () => readFile(join(folder, name)));
  files.set(PAGE_FILES.adapterConfig, await read(CONFIG_FILE));
  files.set(PAGE_FILES.adapterWeights, await read(WEIGHTS_FILE));
}
