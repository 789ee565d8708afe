import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { checkText } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFileAtomic, writeJson } from '../files/index.ts';
import { requireLayersModel } from '../layers-model.ts';
import { buildModel } from '../models/index.ts';
import { readModelJson, sizeOfPart } from './model-json.ts';

const WEIGHTS_FILE = 'weights.bin';
const BYTES_PER_VALUE = { float32: 4, int32: 4, bool: 1 } as const;

/**
 * Writes a LayersModel as `model.json` and `weights.bin`. `tf.loadLayersModel` reads them on any backend.
 *
 * @throws CheckpointError if a file cannot be written, or two weights have one name
 */
export async function saveModel(model: tf.LayersModel, folder: string): Promise<void> {
  requireLayersModel(model);
  checkText('folder', folder);
  await withFileErrors(CheckpointError, folder, 'created', () => ensureDir(folder));
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      requireUniqueNames(folder, artifacts.weightSpecs ?? []);
      const weights = tf.io.CompositeArrayBuffer.join(artifacts.weightData ?? new ArrayBuffer(0));
      const path = join(folder, WEIGHTS_FILE);
      await withFileErrors(CheckpointError, path, 'written', () =>
        writeFileAtomic(path, new Uint8Array(weights)),
      );
      await writeJson(join(folder, 'model.json'), {
        format: artifacts.format,
        generatedBy: artifacts.generatedBy,
        convertedBy: null,
        modelTopology: artifacts.modelTopology,
        weightsManifest: [{ paths: [WEIGHTS_FILE], weights: artifacts.weightSpecs }],
      });
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
}

/** tfjs finds weights by name, so it cannot load a model with a duplicate name, not even in a nested model. */
function requireUniqueNames(folder: string, specs: readonly tf.io.WeightsManifestEntry[]): void {
  const names = specs.map(({ name }) => name);
  const duplicate = names.find((name, index) => names.indexOf(name) < index);
  if (duplicate === undefined) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${folder}: two weights of the model have the name '${duplicate}', so tfjs could not load it; rename one of the layers`,
  );
}

/**
 * Loads a LayersModel that `saveModel` or tfjs wrote. Only files of the folder are read, and only if they have the size
 * that `model.json` gives them.
 *
 * @throws CheckpointError if a file is missing, truncated, outside of the folder or not part of a model
 */
export async function loadModel(folder: string): Promise<tf.LayersModel> {
  checkText('folder', folder);
  const path = join(folder, 'model.json');
  const { modelTopology, weightsManifest } = await readModelJson(path);
  const specs = weightsManifest.flatMap((group) => group.weights);
  const files = weightsManifest.flatMap((group) => group.paths);
  const expectedBytes = specs.reduce(
    (sum, { dtype, shape }) => sum + BYTES_PER_VALUE[dtype] * tf.util.sizeFromShape(shape),
    0,
  );
  const weightData = await readWeights(folder, files, expectedBytes);
  const values = specs.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape), 0);
  try {
    const model = await buildModel(modelTopology, { values });
    const weights = tf.io.decodeWeights(weightData, specs);
    try {
      model.loadWeights(weights);
    } finally {
      tf.dispose(weights);
    }
    return model;
  } catch (error) {
    throw new CheckpointError('invalid-checkpoint', `${path}: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
}

async function readWeights(
  folder: string,
  files: readonly string[],
  expectedBytes: number,
): Promise<ArrayBuffer> {
  const sizes = await Promise.all(files.map((file) => sizeOfPart(folder, file)));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes !== expectedBytes) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${join(folder, files.join(', '))}: has ${bytes} bytes of weights, the model needs ${expectedBytes}; the run is damaged`,
    );
  }
  const parts = await Promise.all(
    files.map((file) =>
      withFileErrors(CheckpointError, join(folder, file), 'read', () => readFile(join(folder, file))),
    ),
  );
  return Uint8Array.from(Buffer.concat(parts)).buffer;
}
