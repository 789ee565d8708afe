import { setImmediate } from 'node:timers/promises';
import type { Sampler } from '../data/index.ts';
import { TrainingError, UsageError } from '../errors.ts';
import type { Engine } from './engines/engine.ts';
import { LastFiniteState } from './last-finite-state.ts';
import { StepsPerCall } from './steps-per-call.ts';
import type { TrainingTask } from './task.ts';
import { findNonFiniteWeight, type TrainingState } from './training-state.ts';

/** What to train, on which rows, and for how long. */
export interface TrainOptions {
  readonly task: TrainingTask;
  /** An engine of the task. The caller disposes it. */
  readonly engine: Engine;
  /** Which rows each step trains on. */
  readonly sampler: Sampler;
  /** Number of steps, including those before `resume`. */
  readonly steps: number;
  /** Steps from one progress report to the next. Default: as many as take about a quarter of a second. */
  readonly stepsPerCall?: number;
  /** Stops training at the next progress report. */
  readonly signal?: AbortSignal;
  /** The state in which an earlier training of the same task ended. */
  readonly resume?: TrainingState;
}

/** A progress report of `train`. */
export interface TrainingProgress {
  /** Number of steps done, including those before `resume`. */
  readonly step: number;
  readonly steps: number;
  /** The losses of the steps since the last report. */
  readonly losses: Float32Array;
  /** Mean loss of all steps of this run. */
  readonly meanLoss: number;
  readonly elapsedMs: number;
}

/** How a training ended. */
export interface TrainingResult {
  /** `stopped` if the signal ended it before the last step. */
  readonly status: 'finished' | 'stopped';
  readonly state: TrainingState;
  /** Mean loss of all steps of this run; NaN if there were none. */
  readonly meanLoss: number;
  readonly elapsedMs: number;
}

/**
 * Trains until `steps` steps are done, and yields progress. At the end the model has the trained weights; before
 * that, only after a call of `engine.syncModel()`.
 *
 * @throws TrainingError if a loss, or a weight after the last step, is NaN or infinite. Engine and model then have the
 *   last state whose loss was finite.
 * @throws UsageError if a number of steps is invalid
 * @example
 * for await (const { step, meanLoss } of train({ task, engine, sampler, steps: 6000 })) console.log(step, meanLoss);
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingProgress, TrainingResult> {
  validateSteps(options);
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
    // A call of the engine blocks the event loop: let timers and signals run.
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
 * Trains like `train`, and returns the result.
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

function validateSteps({ steps, stepsPerCall, resume }: TrainOptions): void {
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
      `steps ${steps}: the state to resume has ${resume.step} steps already; train for more`,
    );
  }
}
