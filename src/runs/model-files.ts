import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { ensureDir, readJson, withFileErrors, writeFileAtomic, writeJson } from '../files/index.ts';

const WEIGHTS_FILE = 'weights.bin';

/** Writes a LayersModel as `model.json` and `weights.bin`, as `tf.loadLayersModel` reads them on any backend. */
export async function saveModel(model: tf.LayersModel, folder: string): Promise<void> {
  await withFileErrors(CheckpointError, folder, 'created', () => ensureDir(folder));
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      refuseDuplicates(folder, artifacts.weightSpecs ?? []);
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

/** tfjs saves by names and cannot load a model that has one twice, in a nested model as well. */
function refuseDuplicates(folder: string, specs: readonly tf.io.WeightsManifestEntry[]): void {
  const names = specs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${folder}: the model has two weights called '${twice}', which tfjs cannot load again; give its layers names of their own`,
  );
}

/**
 * Reads a LayersModel that `saveModel` or tfjs wrote.
 *
 * @throws CheckpointError when a file is missing, cut short or does not describe a model
 */
export async function loadModel(folder: string): Promise<tf.LayersModel> {
  const path = join(folder, 'model.json');
  const json = (await readJson(path)) as tf.io.ModelJSON;
  if (!json?.modelTopology || !Array.isArray(json.weightsManifest)) {
    throw new CheckpointError('invalid-checkpoint', `${path}: does not describe a LayersModel`);
  }
  const specs = json.weightsManifest.flatMap((group) => group.weights);
  const files = json.weightsManifest.flatMap((group) => group.paths);
  const parts = await Promise.all(
    files.map((file) =>
      withFileErrors(CheckpointError, join(folder, file), 'read', () => readFile(join(folder, file))),
    ),
  );
  const weightData = Uint8Array.from(Buffer.concat(parts)).buffer;
  const expected = specs.reduce((sum, spec) => sum + byteLength(spec, path), 0);
  if (weightData.byteLength !== expected) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${join(folder, files.join(', '))}: holds ${weightData.byteLength} bytes of weights, the model needs ${expected}; the run is damaged`,
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

function byteLength(spec: tf.io.WeightsManifestEntry, path: string): number {
  const width = { float32: 4, int32: 4, bool: 1 }[spec.dtype as string];
  if (width === undefined)
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: weight ${spec.name} has type ${spec.dtype}, which is not supported`,
    );
  return spec.shape.reduce((product, size) => product * size, width);
}
