import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { readJson } from '../files/index.ts';
import {
  buildModel,
  type ModelJson,
  ModelSizeError,
  namedLayers,
  namedWeights,
  parseModelJson,
  variableOf,
} from '../models/index.ts';
import { shorten } from '../text/index.ts';
import { readWeights } from './weight-files.ts';

/**
 * Builds the model that a model.json describes, with new weights. Reads JSON of Keras 2 and 3, see `parseModelJson`.
 *
 * @throws CheckpointError if the file cannot be read or does not describe a model that tfjs can build
 */
export async function modelFromTopology(path: string): Promise<tf.LayersModel> {
  return await build(path, parseModelJson(path, await readJson(path)));
}

/**
 * Loads a LayersModel of tfjs or of its converter: model.json and the weight files next to it. Other than
 * `tf.loadLayersModel`, it reads models of Keras 3, and does not need a file system handler.
 *
 * @returns the model, with quantized weights as float32
 * @throws CheckpointError if a file is missing or damaged, or the model cannot be built or lacks a weight
 */
export async function loadLayersModel(path: string): Promise<tf.LayersModel> {
  const json = parseModelJson(path, await readJson(path));
  if (!Array.isArray(json.weightsManifest) || json.weightsManifest.length === 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: has no weights (weightsManifest); use the model.json of a saved model, with its weight files next to it`,
    );
  }
  const weights = await readWeights(path, json.weightsManifest);
  try {
    const values = [...weights.values()].reduce((sum, { size }) => sum + size, 0);
    const model = await build(path, json, values);
    try {
      assignWeights(path, model, weights);
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  } finally {
    tf.dispose([...weights.values()]);
  }
}

/** @param values number of stored values, if there are any */
async function build(
  path: string,
  { topology, kerasVersion }: ModelJson,
  values?: number,
): Promise<tf.LayersModel> {
  try {
    const model = await buildModel(topology, { values });
    if (model.outputs.length > 0) return model;
  } catch (error) {
    throw notBuilt(path, error as Error, kerasVersion);
  }
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: the model has no input shape, so it has no weights; build it before saving it`,
  );
}

function notBuilt(path: string, error: Error, kerasVersion: string | undefined): CheckpointError {
  const reason = shorten(error.message.split('\n')[0]!, 200);
  if (error instanceof ModelSizeError) return new CheckpointError('invalid-checkpoint', `${path}: ${reason}`);
  const outcome = kerasVersion?.startsWith('3.')
    ? `; it was made by Keras ${kerasVersion}: save it with tf_keras (TF_USE_LEGACY_KERAS=1)`
    : '';
  return new CheckpointError(
    'invalid-checkpoint',
    `${path}: cannot be loaded as a LayersModel: ${reason}${outcome}`,
    { cause: error },
  );
}

/** Assigns stored weights by name. Keras 3 puts the names of models before them, and of RNN cells within. */
function assignWeights(path: string, model: tf.LayersModel, stored: ReadonlyMap<string, tf.Tensor>): void {
  const invalid = (problem: string) => new CheckpointError('invalid-checkpoint', `${path}: ${problem}`);
  const unused = new Set(stored.keys());
  for (const { path: layerPath, layer } of namedLayers(model)) {
    for (const [weightName, weight] of namedWeights(layer)) {
      const title = `${layerPath.replaceAll('.', '/')}/${weightName}`;
      const names = candidatesFor(unused, weight.originalName, title);
      const [name] = names;
      if (name === undefined) throw invalid(`weight '${title}' is missing; save the model again`);
      if (names.length > 1) {
        throw invalid(`weight '${title}' is there twice (${shorten(names.join(', '), 100)}); rename a layer`);
      }
      const tensor = stored.get(name)!;
      if (!tf.util.arraysEqual(tensor.shape, weight.shape as number[])) {
        throw invalid(`weight '${name}' has shape [${tensor.shape}], the layer needs [${weight.shape}]`);
      }
      variableOf(weight).assign(tensor);
      unused.delete(name);
    }
  }
  if (unused.size > 0) {
    throw invalid(`weights that no layer has: ${shorten([...unused].join(', '), 100)}; save the model again`);
  }
}

/** Keras 3 calls the kernels of these layers plainly `kernel`. */
const SYNONYMS = /(?<=\/)(depthwise_kernel|embeddings)$/;

/** The stored names that may mean a weight: its own name, else those that end in its path, else in its name. */
function candidatesFor(stored: ReadonlySet<string>, name: string, path: string): string[] {
  if (stored.has(name)) return [name];
  const endingIn = (title: string) => [...stored].filter((candidate) => endsIn(candidate, title));
  const found = [path, name, path.replace(SYNONYMS, 'kernel')].map(endingIn);
  return found.find((names) => names.length > 0) ?? [];
}

function endsIn(stored: string, title: string): boolean {
  const parts = stored.split('/');
  const withoutCell = [...parts.slice(0, -2), ...parts.slice(-1)].join('/');
  return [stored, withoutCell].some((name) => `/${name}`.endsWith(`/${title}`));
}
