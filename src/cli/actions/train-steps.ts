import { TrainingError } from '../../errors.ts';
import type { Sampler } from '../../mnist-data-loader/index.ts';
import type { ScalarPoint } from '../../tensorboard/index.ts';
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
  type TrainingResult,
  type TrainingState,
  type TrainingTask,
  train,
  trainGuarded,
} from '../../training/index.ts';
import type { CliContext } from '../context.ts';
import type { TrainingOptions } from '../options/training.ts';
import { createProgress } from '../progress.ts';
import { checkpointWhenDue } from './checkpoint-when-due.ts';
import { startEvents } from './training-events.ts';

/** What to train, from where, and until when. */
export interface Training {
  readonly task: TrainingTask;
  readonly order: Sampler;
  /** The step to end at, those of `resume` included. */
  readonly steps: number;
  readonly label: string;
  readonly signal: AbortSignal;
  /** Where an earlier run left off, the losses up to there, and what its guard had seen if it was stopped. */
  readonly resume?: {
    readonly state: TrainingState;
    readonly losses: Float32Array;
    readonly guard?: GuardHistory;
  };
  /** Watches what training costs, and goes back to the best state within its budget. */
  readonly guard?: GuardOptions;
  /** Saves what training has reached, should the process end before it can. */
  readonly saveCheckpoint: (reached: Reached) => Promise<void>;
}

/** How far a training has come; the model has the weights of that state. */
export interface Reached {
  readonly engine: EngineName;
  /** `stopped` before the last step, by the signal, by a failure, or for now. */
  readonly status: 'finished' | 'stopped';
  readonly state: TrainingState;
  /** The loss of every step, those before `resume` included. */
  readonly losses: Float32Array;
  /** What a guard needs to go on from a stop. */
  readonly history?: GuardHistory;
  readonly elapsedMs: number;
}

/** How a training ended: after a failure with the last good weights. */
export interface Trained extends Reached {
  readonly failure?: TrainingError;
  /** What the guard saw and kept. */
  readonly guarded?: Pick<GuardedResult, 'checks' | 'kept' | 'endedAt'>;
}

/** Trains the task's model with a progress bar and, when asked for, TensorBoard's event files. */
export async function trainSteps(
  { task, order, steps, label, signal, resume, guard, saveCheckpoint }: Training,
  options: TrainingOptions,
  context: CliContext,
): Promise<Trained> {
  const done = resume?.state.step ?? 0;
  // Chosen by all steps, so that a training that goes on takes the engine that it began with.
  const engine = createEngine(options.engine, task, {
    steps,
    stepsPerCall: guard?.checkEvery,
    note: context.note,
  });
  const progress = createProgress(context, {
    label,
    total: steps,
    enabled: options.progress && !options.quiet,
  });
  const events = await startEvents(options, context, resume && done + 1);
  if (guard && resume && !resume.guard) {
    context.note(
      `note: the run has no record of earlier checks; its guard looks for the best state from step ${done} on`,
    );
  }
  const losses = new Float32Array(steps);
  losses.set(resume?.losses.subarray(0, done) ?? []);
  const started = performance.now();
  let failure: TrainingError | undefined;
  let guarded: GuardedResult | undefined;
  let history: GuardHistory | undefined;
  let status: Trained['status'] = 'stopped';
  const reached = (): Reached => {
    const state = engine.state();
    const elapsedMs = performance.now() - started;
    return { engine: engine.name, status, state, losses: losses.subarray(0, state.step), history, elapsedMs };
  };
  const checkpoint = checkpointWhenDue(
    async () => {
      const now = reached();
      if (findNonFiniteWeight(now.state) !== undefined) return;
      engine.syncModel();
      await saveCheckpoint(now);
    },
    { everyMs: context.checkpointEveryMs, note: context.note },
  );
  try {
    const options = { task, engine, sampler: order, steps, signal, resume: resume?.state };
    const training: AsyncGenerator<TrainingProgress | GuardedProgress, TrainingResult | GuardedResult> = guard
      ? trainGuarded({ ...options, guard: { ...guard, history: resume?.guard } })
      : train(options);
    for (let next = await training.next(); ; next = await training.next()) {
      if (next.done) {
        status = next.value.status;
        if (!('checks' in next.value)) break;
        guarded = next.value;
        history = guarded.history;
        break;
      }
      const { step, losses: recent, meanLoss } = next.value;
      losses.set(recent, step - recent.length);
      progress.update(step, meanLoss);
      await events?.write(scalars(task, step - recent.length, recent));
      if ('history' in next.value) history = next.value.history;
      if (step < steps && !signal.aborted) await checkpoint();
    }
  } catch (error) {
    // A run that goes on and gets no further stays as it is: there is nothing to save.
    if (!(error instanceof TrainingError) || (resume && engine.state().step <= done)) throw error;
    failure = error;
    history = undefined; // of steps that the last good state is not one of
  } finally {
    progress.stop();
    await events?.close();
  }
  const ended = reached();
  engine.dispose();
  return { ...ended, failure, guarded };
}

function scalars(task: TrainingTask, first: number, losses: Float32Array): ScalarPoint[] {
  return Array.from(losses, (loss, index) => ({
    step: first + index + 1,
    values: { loss, learning_rate: learningRateAt(task.optimizer, first + index) },
  }));
}
