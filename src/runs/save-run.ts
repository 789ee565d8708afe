import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import type { GuardHistory, TrainingState } from '../training/index.ts';
import { writeGuard } from './guard-files.ts';
import type { RunManifest } from './manifest.ts';
import { writeMetrics } from './metrics.ts';
import { saveModel } from './model-files.ts';
import type { RunWriter } from './run-writer.ts';
import { writeState } from './state-files.ts';

/** What a run folder holds, reports aside. */
export interface RunContent {
  readonly manifest: RunManifest;
  /** The plain model. */
  readonly base: tf.LayersModel;
  /** The base with its adapter, when the run has one. */
  readonly adapted?: tf.LayersModel;
  /** What training needs to go on. */
  readonly state?: TrainingState;
  /** What a guard needs to go on, when the training was stopped. */
  readonly guard?: GuardHistory;
  /** Loss of every step. */
  readonly losses?: Float32Array;
}

/** Writes everything but the reports into the run's staging folder and puts the run in its place. */
export async function saveRun(writer: RunWriter, content: RunContent): Promise<string> {
  await writeContent(writer.staging, content);
  return await writer.commit(content.manifest);
}

/** Saves a run that is still being trained, should its process end before it can put the run in its place. */
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
