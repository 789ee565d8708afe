import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { CheckpointError } from '../errors.ts';
import { readJson } from '../files/index.ts';
import { setAdapterStrength } from '../lora/index.ts';
import { parseManifest, type RunManifest } from './manifest.ts';
import { loadModel } from './model-files.ts';

/** An opened run; its models are the caller's to dispose. */
export interface Run {
  readonly folder: string;
  readonly manifest: RunManifest;
  /** The plain model of `model/`. */
  readonly base: tf.LayersModel;
  /** The base with the run's adapter at its strength, or the base itself where the run has none. */
  readonly model: tf.LayersModel;
}

/**
 * Reads the manifest of a run.
 *
 * @throws CheckpointError when the folder is missing, no run, half-written or of a newer format
 */
export async function readManifest(folder: string): Promise<RunManifest> {
  if (!existsSync(folder))
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}: there is no such folder; name a run's folder`,
    );
  const path = join(folder, 'run.json');
  if (!existsSync(path)) {
    throw new CheckpointError('invalid-checkpoint', `${folder}: is not a run folder: it has no run.json`);
  }
  const manifest = parseManifest(path, await readJson(path));
  const parts = [
    'model/model.json',
    'model/weights.bin',
    ...(manifest.adapter ? ['adapter/adapter_config.json'] : []),
  ];
  const missing = parts.filter((part) => !existsSync(join(folder, part)));
  if (missing.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}: is half-written: ${missing.join(', ')} is missing; make the run again`,
    );
  }
  return manifest;
}

/**
 * Opens a run: loads its model and puts its adapter on.
 *
 * @throws CheckpointError also when the model's content is not what `run.json` says, or holds values that are not finite
 */
export async function openRun(path: string, cwd = process.cwd()): Promise<Run> {
  const folder = resolve(cwd, path);
  const manifest = await readManifest(folder);
  const base = await loadModel(join(folder, 'model'));
  const hash = contentHash(base);
  if (hash !== manifest.contentHash) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}/model: has content hash ${hash}, run.json says ${manifest.contentHash}; the run was changed by hand`,
    );
  }
  requireFinite(base, folder);
  if (!manifest.adapter) return { folder, manifest, base, model: base };
  const { loadPeft } = await import('../peft/index.ts');
  const model = await loadPeft(base, join(folder, 'adapter'));
  setAdapterStrength(model, manifest.adapter.strength);
  return { folder, manifest, base, model };
}

/** Nothing that such a model says means anything, and no training mends it. */
function requireFinite(model: tf.LayersModel, folder: string): void {
  const broken = model.weights.find((weight) => !weight.read().dataSync().every(Number.isFinite));
  if (!broken) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${folder}/model: ${broken.originalName} holds values that are not finite; make the run again`,
  );
}
