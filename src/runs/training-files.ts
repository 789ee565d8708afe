import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import type { GuardHistory, TrainingState } from '../training/index.ts';
import { readGuard } from './guard-files.ts';
import type { RunManifest } from './manifest.ts';
import { readMetrics } from './metrics.ts';
import { readState } from './state-files.ts';

/** What a run keeps of its training, to continue it. */
export interface TrainingFiles {
  readonly state: TrainingState;
  /** The loss of each step done. */
  readonly losses: Float32Array;
  /** The guard's checks, if the training was guarded and stopped. */
  readonly guard?: GuardHistory;
}

/**
 * Reads the training files of a run and checks that they belong together.
 *
 * @throws CheckpointError if a file is missing or damaged, or they disagree about the steps done or the classes
 */
export async function readTrainingFiles(folder: string, manifest: RunManifest): Promise<TrainingFiles> {
  const { classNames, training } = manifest;
  const stepsDone = training?.stepsDone ?? 0;
  const state = await readState(join(folder, 'state', 'state.safetensors'));
  const losses = await readMetrics(join(folder, 'metrics.jsonl'));
  const guard = await readGuard(join(folder, 'state'));
  const disagree = (file: string, problem: string) =>
    new CheckpointError('invalid-checkpoint', `${join(folder, file)}: ${problem}; the run is damaged`);
  if (state.step !== stepsDone) {
    throw disagree('state/state.safetensors', `is of step ${state.step}, run.json of step ${stepsDone}`);
  }
  if (losses.length !== stepsDone) {
    throw disagree('metrics.jsonl', `has the losses of ${losses.length} steps, run.json has ${stepsDone}`);
  }
  if (!guard) return { state, losses };
  const { step, counts } = guard.checks.at(-1)!;
  if (step > stepsDone) {
    throw disagree('state/guard.json', `has a check at step ${step}, run.json has ${stepsDone} steps`);
  }
  if (counts.length !== classNames.length) {
    throw disagree('state/guard.json', `has ${counts.length} classes, run.json has ${classNames.length}`);
  }
  return { state, losses, guard };
}
