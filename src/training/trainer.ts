import { setImmediate } from 'node:timers/promises';
import type { Sampler } from '../data/index.ts';
import { TrainingError, UsageError } from '../errors.ts';
import { requireFields, requireTask } from './arguments.ts';
import type { Engine } from './engines/engine.ts';
import { LastFiniteState } from './last-finite-state.ts';
import { StepsPerCall } from './steps-per-call.ts';
import type { TrainingTask } from './task.ts';
import { findNonFiniteWeight, type TrainingState } from './training-state.ts';

/** Options of `train`. */
export interface TrainOptions {
  readonly task: TrainingTask;
  /** An engine created for `task`. The caller disposes it. */
  readonly engine: Engine;
  /** Returns the rows that each step trains on. */
  readonly sampler: Sampler;
  /** Total number of steps, including those done before `resume`. */
  readonly steps: number;
  /** Steps between progress reports. Default: `engine.stepsPerCall`, or else as many as take about 0.25 seconds. */
  readonly stepsPerCall?: number;
  /** If aborted, training stops before the next call of the engine. */
  readonly signal?: AbortSignal;
  /** State to continue from: the one in which an earlier training of the same task ended. */
  readonly resume?: TrainingState;
}

/** A progress report of `train`. */
export interface TrainingProgress {
  /** Number of steps done, including those before `resume`. */
  readonly step: number;
  /** `TrainOptions.steps`. */
  readonly steps: number;
  /** Losses of the steps since the last report. */
  readonly losses: Float32Array;
  /** Mean loss of all steps of this run, without those before `resume`. */
  readonly meanLoss: number;
  /** Milliseconds since this run started. */
  readonly elapsedMs: number;
}

/** How a training ended. */
export interface TrainingResult {
  /** `stopped` if the signal ended training before the last step. */
  readonly status: 'finished' | 'stopped';
  readonly state: TrainingState;
  /** Mean loss of all steps of this run, without those before `resume`; NaN if it ran no steps. */
  readonly meanLoss: number;
  readonly elapsedMs: number;
}

/**
 * Trains until `steps` steps are done, and yields progress reports. The model gets the trained weights at the end;
 * call `engine.syncModel()` to update it earlier.
 *
 * @throws TrainingError if a loss, or a weight after the last step, is NaN or infinite. Engine and model are then set
 *   back to the last state with a finite loss.
 * @throws UsageError if an option is invalid, or `resume` is past `steps`
 * @example
 * for await (const { step, meanLoss } of train({ task, engine, sampler, steps: 6000 })) console.log(step, meanLoss);
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingProgress, TrainingResult> {
  validateOptions(options);
  const { task, engine, sampler, steps, signal, resume } = options;
  const firstStep = resume?.step ?? 0;
  if (resume) engine.restore(resume);

  const { batchSize } = task;
  const runSteps = (first: number, count: number) =>
    engine.run(sampler.take(first * batchSize, count * batchSize));
  const stepsPerCall = new StepsPerCall(options.stepsPerCall ?? engine.stepsPerCall);
  const lastFinite = new LastFiniteState(engine, runSteps);
  const startMs = performance.now();
  let step = firstStep;
  let lossSum = 0;

  while (step < steps && !signal?.aborted) {
    const count = Math.min(stepsPerCall.next, steps - step);
    const callStartMs = performance.now();
    const losses = runSteps(step, count);
    stepsPerCall.record(count, performance.now() - callStartMs);

    const nonFinite = losses.findIndex((loss) => !Number.isFinite(loss));
    if (nonFinite >= 0) {
      const problem = `the loss of step ${step + nonFinite + 1} is ${losses[nonFinite]}`;
      throw divergence(problem, lastFinite.restore(step + nonFinite), task);
    }
    step += count;
    lossSum = losses.reduce((sum, loss) => sum + loss, lossSum);
    lastFinite.saveIfDue();

    const elapsedMs = performance.now() - startMs;
    yield { step, steps, losses, meanLoss: lossSum / (step - firstStep), elapsedMs };
    // engine.run() blocks the event loop. Give timers and signal handlers a chance to run between calls.
    await setImmediate();
  }

  const state = engine.state();
  const weight = findNonFiniteWeight(state);
  if (weight !== undefined) {
    throw divergence(`'${weight}' is not finite after step ${step}`, lastFinite.restore(step), task);
  }
  engine.syncModel();
  return {
    status: step < steps ? 'stopped' : 'finished',
    state,
    meanLoss: lossSum / (step - firstStep),
    elapsedMs: performance.now() - startMs,
  };
}

/**
 * Runs `train` to its end, passes each progress report to `onProgress`, and returns the result.
 *
 * @example
 * const { meanLoss } = await trainToEnd({ task, engine, sampler, steps: 6000 });
 */
export async function trainToEnd(
  options: TrainOptions,
  onProgress: (progress: TrainingProgress) => void = () => {},
): Promise<TrainingResult> {
  const training = train(options);
  for (;;) {
    const { done, value } = await training.next();
    if (done) return value;
    onProgress(value);
  }
}

function divergence(problem: string, restoredStep: number, { optimizer }: TrainingTask): TrainingError {
  return new TrainingError(
    'diverged',
    `${problem}; the weights after ${restoredStep} steps are restored; ` +
      `lower the learning rate (${optimizer.learningRate}), or clip the gradients`,
  );
}

function validateOptions(options: TrainOptions): void {
  const advice = 'pass { task, engine, sampler, steps }';
  const fields = { task: 'object', engine: 'object', sampler: 'object', steps: 'number' } as const;
  requireFields('training options', options, fields, advice);
  const { task, engine, sampler, steps, stepsPerCall, resume } = options;
  requireTask(task);
  requireFields('engine', engine, { run: 'function', state: 'function' }, 'create it with createEngine');
  requireFields('sampler', sampler, { take: 'function' }, 'create it with shuffledSampler');
  if (!Number.isInteger(steps) || steps < 0) {
    throw new UsageError('invalid-argument', `steps ${steps}: must be a whole number of at least 0`);
  }
  if (stepsPerCall !== undefined && !(Number.isInteger(stepsPerCall) && stepsPerCall > 0)) {
    throw new UsageError(
      'invalid-argument',
      `steps per call ${stepsPerCall}: must be a whole number of at least 1`,
    );
  }
  if (resume && resume.step > steps) {
    throw new UsageError(
      'invalid-argument',
      `steps ${steps}: must be at least ${resume.step}, the step of the state to resume`,
    );
  }
}
