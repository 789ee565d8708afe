import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import {
  ensureDir,
  firstFault,
  readJson,
  withFileErrors,
  writeFileAtomic,
  writeFolderAtomic,
  writeJson,
} from '../files/index.ts';
import { shorten } from '../text/index.ts';
import { loadLayersModel } from './layers-model.ts';
import { readStoredWeights } from './weight-files.ts';

const WEIGHTS_FILE = 'weights.bin';

/** The parts of a GraphModel's model.json that are not its weights. Others are kept as they are. */
const graphJsonSchema = z.looseObject({
  modelTopology: z.looseObject({ node: z.array(z.looseObject({ name: z.string(), op: z.string() })) }),
  weightsManifest: z.unknown(),
});

/**
 * Loads a LayersModel or a GraphModel: a model.json and the weight files next to it. Does not need a file system handler.
 *
 * @throws CheckpointError if a file is missing or damaged, or is not part of a model that tfjs can load
 */
export async function loadAnyModel(path: string): Promise<tf.LayersModel | tf.GraphModel> {
  const content = await readJson(path);
  const isGraph =
    typeof content === 'object' &&
    content !== null &&
    'format' in content &&
    content.format === 'graph-model';
  return isGraph ? await loadGraph(path, content) : await loadLayersModel(path);
}

async function loadGraph(path: string, content: object): Promise<tf.GraphModel> {
  const result = graphJsonSchema.safeParse(content);
  if (!result.success)
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: not a GraphModel: ${firstFault(result.error, content)}`,
    );
  const { weightsManifest, ...others } = result.data;
  const weights = await readStoredWeights(path, weightsManifest);
  try {
    return await tf.loadGraphModel(tf.io.fromMemory({ ...others, ...weights }));
  } catch (error) {
    const reason = shorten((error as Error).message.split('\n')[0]!, 200);
    throw new CheckpointError('invalid-checkpoint', `${path}: cannot be loaded as a GraphModel: ${reason}`, {
      cause: error,
    });
  }
}

/**
 * Writes a GraphModel as `model.json` and `weights.bin`. `tf.loadGraphModel` reads them on any backend. After a kill, both
 * files are new or both are old.
 *
 * @throws CheckpointError if a file cannot be written
 */
export async function saveGraphModel(model: tf.GraphModel, folder: string): Promise<void> {
  const save = async (artifacts: tf.io.ModelArtifacts) => {
    const { weightData = new ArrayBuffer(0), weightSpecs = [], ...others } = artifacts;
    const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
    await withFileErrors(CheckpointError, folder, 'written', () =>
      writeFolderAtomic(folder, async (staging) => {
        await ensureDir(staging);
        await writeFileAtomic(join(staging, WEIGHTS_FILE), bytes);
        const weightsManifest = [{ paths: [WEIGHTS_FILE], weights: weightSpecs }];
        await writeJson(join(staging, 'model.json'), { ...others, weightsManifest });
      }),
    );
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  };
  await model.save(tf.io.withSaveHandler(save));
}
