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
  const { manifest, base, adapted, state, guard, losses } = content;
  await saveModel(base, writer.path('model'));
  if (adapted) {
    const { savePeft } = await import('../peft/index.ts');
    await savePeft(adapted, writer.path('adapter'));
  }
  if (state) await writeState(writer.path('state', 'state.safetensors'), state);
  if (guard) await writeGuard(writer.path('state'), guard);
  if (losses) await writeMetrics(writer.path('metrics.jsonl'), losses);
  return await writer.commit(manifest);
}
