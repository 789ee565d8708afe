import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { ensureDir, readJson, withFileErrors, writeFileAtomic, writeJson } from '../files/index.ts';

const SCHEME = 'file://';
const MODEL_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.bin';

let registered = false;

/**
 * Makes `file://` URLs work in `tf.loadLayersModel`, `tf.loadGraphModel` and `model.save`, as tfjs-node does. Where
 * tfjs-node is loaded, its own handlers are used: tfjs rejects a URL with two of them.
 */
export function registerFileUrls(): void {
  if (registered) return;
  registered = true;
  const router: Parameters<typeof tf.io.registerLoadRouter>[0] = (url) => {
    if (typeof url !== 'string' || !url.startsWith(SCHEME) || tf.findBackend('tensorflow')) return null!;
    return fileHandler(pathOfFileUrl(url));
  };
  tf.io.registerLoadRouter(router);
  tf.io.registerSaveRouter(router);
}

/**
 * The path in a `file://` URL. Like tfjs-node, takes it as it is: relative paths are allowed, and nothing is decoded. On
 * Windows a path may start with a drive (`file://C:\model`), also after a slash (`file:///C:/model`).
 */
export function pathOfFileUrl(url: string, platform: string = process.platform): string {
  const path = url.slice(SCHEME.length);
  return platform === 'win32' ? path.replace(/^\/(?=[a-z]:[\\/])/i, '') : path;
}

/** @param path of a model.json to load, or of a folder to save in */
function fileHandler(path: string): tf.io.IOHandler {
  return {
    load: () => loadArtifacts(resolve(path)),
    save: (artifacts) => saveArtifacts(resolve(path), artifacts),
  };
}

/** @throws CheckpointError if a file cannot be read, or the path is not that of a model.json */
async function loadArtifacts(path: string): Promise<tf.io.ModelArtifacts> {
  const json = (await readJson(path)) as tf.io.ModelJSON | null;
  if (!json?.modelTopology || !Array.isArray(json.weightsManifest))
    throw new CheckpointError('invalid-checkpoint', `${path}: not a tfjs model; name its ${MODEL_FILE}`);
  return await tf.io.getModelArtifactsForJSON(json, async (manifest) => {
    const parts: Buffer[] = [];
    for (const file of manifest.flatMap(({ paths }) => paths)) {
      const weights = join(dirname(path), memberName(path, file));
      parts.push(await withFileErrors(CheckpointError, weights, 'read', () => readFile(weights)));
    }
    return [manifest.flatMap(({ weights }) => weights), Uint8Array.from(Buffer.concat(parts)).buffer];
  });
}

/** @throws CheckpointError if a weights file would lie outside the model's folder */
function memberName(path: string, file: unknown): string {
  if (typeof file === 'string' && !isAbsolute(file) && !file.split(/[\\/]/).includes('..')) return file;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: weights file ${JSON.stringify(file)} is not in the folder of the model`,
  );
}

/** @throws CheckpointError if a file cannot be written */
async function saveArtifacts(folder: string, artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> {
  await withFileErrors(CheckpointError, folder, 'created', () => ensureDir(folder));
  const { modelTopology, weightSpecs = [], weightData = new ArrayBuffer(0), ...rest } = artifacts;
  const weights = join(folder, WEIGHTS_FILE);
  const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData as tf.io.WeightData));
  await withFileErrors(CheckpointError, weights, 'written', () => writeFileAtomic(weights, bytes));
  const { format, generatedBy, convertedBy, signature, trainingConfig, userDefinedMetadata } = rest;
  await writeJson(join(folder, MODEL_FILE), {
    modelTopology,
    weightsManifest: [{ paths: [WEIGHTS_FILE], weights: weightSpecs }],
    format,
    generatedBy,
    convertedBy,
    signature,
    trainingConfig,
    userDefinedMetadata,
  });
  return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
}
