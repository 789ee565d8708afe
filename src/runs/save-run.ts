import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import type { GuardHistory, TrainingState } from '../training/index.ts';
import { writeGuard } from './guard-files.ts';
import type { RunManifest } from './manifest.ts';
import { writeMetrics } from './metrics.ts';
import { saveModel } from './model-files.ts';
import type { RunWriter } from './run-writer.ts';
import { writeState } from './state-files.ts';

/** Content of a run folder, without reports. */
export interface RunContent {
  readonly manifest: RunManifest;
  /** The plain model. */
  readonly base: tf.LayersModel;
  /** The base with its adapter, if the run has one. */
  readonly adapted?: tf.LayersModel;
  /** What training needs to resume. */
  readonly state?: TrainingState;
  /** What the guard needs to resume. */
  readonly guard?: GuardHistory;
  /** Loss of each step [steps]. */
  readonly losses?: Float32Array;
}

/**
 * Writes a run and moves it into place.
 *
 * @returns the run's folder
 * @throws CheckpointError if a file cannot be written
 */
export async function saveRun(writer: RunWriter, content: RunContent): Promise<string> {
  await writeContent(writer.staging, content);
  return await writer.commit(content.manifest);
}

/**
 * Saves a checkpoint of a run that is being trained, to resume from if the process ends before `saveRun`.
 *
 * @throws CheckpointError if a file cannot be written; the last checkpoint is then kept
 */
export async function saveCheckpoint(writer: RunWriter, content: RunContent): Promise<void> {
  await writer.saveCheckpoint(content.manifest, (folder) => writeContent(folder, content));
}

async function writeContent(
  folder: string,
  { base, adapted, state, guard, losses }: RunContent,
): Promise<void> {
  await saveModel(base, join(folder, 'model'));
  if (adapted) {
    const { savePeft } = await import('../peft/index.ts');
    await savePeft(adapted, join(folder, 'adapter'));
  }
  if (state) await writeState(join(folder, 'state', 'state.safetensors'), state);
  if (guard) await writeGuard(join(folder, 'state'), guard);
  if (losses) await writeMetrics(join(folder, 'metrics.jsonl'), losses);
}
