import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { checkText } from '../arguments.ts';
import { contentHash } from '../content-hash.ts';
import { CheckpointError } from '../errors.ts';
import { readJson } from '../files/index.ts';
import { setAdapterStrength } from '../lora/index.ts';
import { parseManifest, type RunManifest } from './manifest.ts';
import { loadModel } from './model-files.ts';

/** The files of a run that are read. */
const RUN_FILES = [
  'run.json',
  'model/model.json',
  'adapter/adapter_config.json',
  'adapter/adapter_model.safetensors',
  'state/state.safetensors',
  'state/guard.json',
  'state/best.safetensors',
  'metrics.jsonl',
  'report.json',
];

/** An opened run. The caller disposes its models. */
export interface Run {
  readonly folder: string;
  readonly manifest: RunManifest;
  /** The plain model of `model/`. */
  readonly base: tf.LayersModel;
  /** The base with the run's adapter at its strength; the base itself if the run has no adapter. */
  readonly model: tf.LayersModel;
}

/**
 * Reads the manifest of a run.
 *
 * @throws CheckpointError if the folder is missing, incomplete or not a run, or of a newer format
 * @example
 * const { adapter } = await readManifest('runs/tuned');
 */
export async function readManifest(folder: string): Promise<RunManifest> {
  checkText('folder', folder);
  const invalid = (problem: string) => new CheckpointError('invalid-checkpoint', `${folder}: ${problem}`);
  if (!existsSync(folder)) throw invalid('no such folder; name the folder of a run');
  const path = join(folder, 'run.json');
  if (!existsSync(path)) {
    if (existsSync(join(folder, 'adapter_config.json')))
      throw invalid('an adapter, not a run; import it into a run of its base, or name its base model');
    throw invalid('not a run folder: it has no run.json');
  }
  const irregular = RUN_FILES.find((file) => isIrregular(join(folder, file)));
  if (irregular !== undefined) throw invalid(`${irregular} is not a regular file; create the run again`);
  const manifest = parseManifest(path, await readJson(path));
  const files = [
    'model/model.json',
    'model/weights.bin',
    ...(manifest.adapter ? ['adapter/adapter_config.json'] : []),
  ];
  const missing = files.filter((file) => !existsSync(join(folder, file)));
  if (missing.length > 0) throw invalid(`${missing.join(', ')} is missing; create the run again`);
  return manifest;
}

/**
 * Loads the models of a run.
 *
 * @param cwd what a relative path starts from; the working directory of the process by default
 * @throws CheckpointError as `readManifest`, or if the model differs from `run.json` or contains NaN or Inf
 * @example
 * const { model, manifest } = await openRun('runs/tuned');
 */
export async function openRun(path: string, cwd = process.cwd()): Promise<Run> {
  checkText('path', path);
  const folder = resolve(cwd, path);
  const manifest = await readManifest(folder);
  const base = await loadModel(join(folder, 'model'));
  try {
    requireIntact(base, manifest, folder);
    if (!manifest.adapter) return { folder, manifest, base, model: base };
    const { loadPeft } = await import('../peft/index.ts');
    const model = await loadPeft(base, join(folder, 'adapter'));
    setAdapterStrength(model, manifest.adapter.strength);
    return { folder, manifest, base, model };
  } catch (error) {
    base.dispose();
    throw error;
  }
}

/** Whether a path is a pipe or a device, which may have no end, or a folder. */
function isIrregular(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile();
}

/** Checks that a model is the one that the manifest describes. */
function requireIntact(base: tf.LayersModel, manifest: RunManifest, folder: string): void {
  const hash = contentHash(base);
  if (hash !== manifest.contentHash) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}/model: content hash is ${hash}, but run.json has ${manifest.contentHash}; the files were changed`,
    );
  }
  requireClasses(base, manifest, folder);
  requireFinite(base, folder);
}

/** Names and outputs of the classes must agree, or predictions get no name or a wrong one. */
function requireClasses(model: tf.LayersModel, { classNames }: RunManifest, folder: string): void {
  const classes = model.outputs[0]!.shape.at(-1) ?? 1;
  if (classes === classNames.length) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${folder}/run.json: classNames has ${classNames.length} classes, the model has ${classes}; the run is damaged`,
  );
}

/** The predictions of a model with NaN or Inf mean nothing, and further training does not repair it. */
function requireFinite(model: tf.LayersModel, folder: string): void {
  const weight = model.weights.find((candidate) => !candidate.read().dataSync().every(Number.isFinite));
  if (!weight) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${folder}/model: weight ${weight.originalName} contains NaN or Inf; create the run again`,
  );
}
