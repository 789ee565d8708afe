import { resolve } from 'node:path';
import type { Sampler } from '../data/index.ts';
import { TrainingError } from '../errors.ts';
import { createEventWriter, type ScalarPoint } from '../tensorboard/index.ts';
import {
  createEngine,
  type EngineName,
  findNonFiniteWeight,
  type GuardedProgress,
  type GuardedResult,
  type GuardHistory,
  type GuardOptions,
  learningRateAt,
  type TrainingProgress,
  type TrainingState,
  type TrainingTask,
  train,
  trainGuarded,
} from '../training/index.ts';
import { checkpointWhenDue } from './checkpoint.ts';

/** What to train, from where, and until when. */
export interface FitOptions {
  readonly task: TrainingTask;
  readonly sampler: Sampler;
  /** The step to end at, those of `resume` included. */
  readonly steps: number;
  readonly engine?: EngineName | 'auto';
  readonly resume?: ResumeState;
  /** Checks what training costs, and returns to the best state within its budget. */
  readonly guard?: GuardOptions;
  readonly signal?: AbortSignal;
  /** Folder for TensorBoard event files. */
  readonly tensorboard?: string;
  readonly cwd?: string;
  readonly checkpointEveryMs?: number;
  /** Saves a training in progress, so that it can be resumed if the process ends. */
  readonly saveCheckpoint?: (progress: FitState) => Promise<void>;
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onNotice?: (line: string) => void;
}

/** What an earlier training left, to continue from. */
export interface ResumeState {
  readonly state: TrainingState;
  /** The loss of each step done. */
  readonly losses: Float32Array;
  /** The guard's checks, if the training was guarded and stopped. */
  readonly guard?: GuardHistory;
}

/** How far a training is. The model has the weights of `state`. */
export interface FitState {
  readonly engine: EngineName;
  /** `stopped` before the last step: by the signal, by a failure, or at a checkpoint. */
  readonly status: 'finished' | 'stopped';
  readonly state: TrainingState;
  /** The loss of every step, those before `resume` included. */
  readonly losses: Float32Array;
  /** What the guard needs to resume. */
  readonly history?: GuardHistory;
  readonly elapsedMs: number;
}

/** How a training ended. */
export interface FitResult extends FitState {
  /** Why training failed; the model then has the last weights whose loss was finite. */
  readonly failure?: TrainingError;
  /** What the guard saw and kept. */
  readonly guarded?: Pick<GuardedResult, 'checks' | 'kept' | 'endedAt'>;
}

const DEFAULT_CHECKPOINT_EVERY_MS = 60_000;

/**
 * Trains the task's model: reports progress, writes event files and checkpoints, and stops at `signal`. The engine
 * is disposed on every path.
 */
export async function fitTask(options: FitOptions): Promise<FitResult> {
  const { task, sampler, steps, resume, guard, signal, tensorboard, saveCheckpoint } = options;
  const onNotice = options.onNotice ?? (() => {});
  const firstStep = resume?.state.step ?? 0;
  // The number of all steps decides, so that a resumed training runs on the engine it began with.
  const engine = createEngine(options.engine ?? 'auto', task, {
    steps,
    stepsPerCall: guard?.checkEvery,
    note: onNotice,
  });
  try {
    const events =
      tensorboard === undefined
        ? undefined
        : await createEventWriter(resolve(options.cwd ?? process.cwd(), tensorboard), {
            resumedAt: resume && firstStep + 1,
            onFailure: (error) => onNotice(`note: ${error.message}; training continues without event files`),
          });
    if (guard && resume && !resume.guard) {
      onNotice(
        `note: the run has no record of earlier checks; the guard looks for the best state from step ${firstStep}`,
      );
    }
    const losses = new Float32Array(steps);
    losses.set(resume?.losses.subarray(0, firstStep) ?? []);
    const started = performance.now();
    let status: FitState['status'] = 'stopped';
    let history: GuardHistory | undefined;
    const current = (): FitState => {
      const state = engine.state();
      const elapsedMs = performance.now() - started;
      const { name } = engine;
      return { engine: name, status, state, losses: losses.subarray(0, state.step), history, elapsedMs };
    };
    const checkpoint = checkpointWhenDue(
      async () => {
        const progress = current();
        if (!saveCheckpoint || findNonFiniteWeight(progress.state) !== undefined) return;
        engine.syncModel();
        await saveCheckpoint(progress);
      },
      { everyMs: options.checkpointEveryMs ?? DEFAULT_CHECKPOINT_EVERY_MS, onNotice },
    );
    const onProgress = async (progress: TrainingProgress | GuardedProgress) => {
      const { step, losses: recent } = progress;
      losses.set(recent, step - recent.length);
      if ('history' in progress) history = progress.history;
      options.onProgress?.(progress);
      await events?.write(scalars(task, step - recent.length, recent));
      if (step < steps && !signal?.aborted) await checkpoint();
    };
    try {
      const trainOptions = { task, engine, sampler, steps, signal, resume: resume?.state };
      if (!guard) {
        ({ status } = await runToEnd(train(trainOptions), onProgress));
        return current();
      }
      const guardOptions = { ...guard, history: resume?.guard };
      const guarded = await runToEnd(trainGuarded({ ...trainOptions, guard: guardOptions }), onProgress);
      ({ status, history } = guarded);
      return { ...current(), guarded };
    } catch (error) {
      // A resumed run that gets no further stays as it is: there is nothing to save.
      if (!(error instanceof TrainingError) || (resume && engine.state().step <= firstStep)) throw error;
      history = undefined; // its last check is of a later step than the restored state
      return { ...current(), failure: error };
    } finally {
      await events?.close();
    }
  } finally {
    engine.dispose();
  }
}

/** Runs a generator to its end and returns its result. */
async function runToEnd<Progress, Result>(
  generator: AsyncGenerator<Progress, Result>,
  onProgress: (progress: Progress) => Promise<void>,
): Promise<Result> {
  for (;;) {
    const { done, value } = await generator.next();
    if (done) return value;
    await onProgress(value);
  }
}

function scalars(task: TrainingTask, firstStep: number, losses: Float32Array): ScalarPoint[] {
  return Array.from(losses, (loss, index) => ({
    step: firstStep + index + 1,
    values: { loss, learning_rate: learningRateAt(task.optimizer, firstStep + index) },
  }));
}
