import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { ensureDir, readJson, withFileErrors, writeFileAtomic, writeJson } from '../files/index.ts';

const WEIGHTS_FILE = 'weights.bin';
const BYTES_PER_VALUE: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1 };

/**
 * Writes a LayersModel as `model.json` and `weights.bin`. `tf.loadLayersModel` reads them on any backend.
 *
 * @throws CheckpointError if a file cannot be written, or two weights have one name
 */
export async function saveModel(model: tf.LayersModel, folder: string): Promise<void> {
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
 * Loads a LayersModel that `saveModel` or tfjs wrote.
 *
 * @throws CheckpointError if a file is missing, truncated or not part of a model
 */
export async function loadModel(folder: string): Promise<tf.LayersModel> {
  const path = join(folder, 'model.json');
  const json = (await readJson(path)) as tf.io.ModelJSON;
  if (!json?.modelTopology || !Array.isArray(json.weightsManifest)) {
    throw new CheckpointError('invalid-checkpoint', `${path}: not a LayersModel`);
  }
  const specs = json.weightsManifest.flatMap((group) => group.weights);
  const files = json.weightsManifest.flatMap((group) => group.paths);
  const parts = await Promise.all(
    files.map((file) =>
      withFileErrors(CheckpointError, join(folder, file), 'read', () => readFile(join(folder, file))),
    ),
  );
  const weightData = Uint8Array.from(Buffer.concat(parts)).buffer;
  const expectedBytes = specs.reduce((sum, spec) => sum + sizeBytes(spec, path), 0);
  if (weightData.byteLength !== expectedBytes) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${join(folder, files.join(', '))}: has ${weightData.byteLength} bytes of weights, the model needs ${expectedBytes}; the run is damaged`,
    );
  }
  try {
    return await tf.loadLayersModel(
      tf.io.fromMemory({ modelTopology: json.modelTopology as object, weightSpecs: specs, weightData }),
    );
  } catch (error) {
    throw new CheckpointError('invalid-checkpoint', `${path}: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
}

function sizeBytes({ name, dtype, shape }: tf.io.WeightsManifestEntry, path: string): number {
  const bytesPerValue = BYTES_PER_VALUE[dtype];
  if (bytesPerValue === undefined) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: dtype ${dtype} of weight ${name} is not supported`,
    );
  }
  return bytesPerValue * tf.util.sizeFromShape(shape);
}
