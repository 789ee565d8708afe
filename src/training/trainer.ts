import { setImmediate } from 'node:timers/promises';
import type { Sampler } from '../data/index.ts';
import { TrainingError, UsageError } from '../errors.ts';
import type { Engine, TrainingState, TrainingTask } from './engine.ts';
import { createPacer } from './pacer.ts';

/** What to train, on which rows, and for how long. */
export interface TrainOptions {
  readonly task: TrainingTask;
  readonly engine: Engine;
  readonly sampler: Sampler;
  /** The step to end at, those of `resume` included. */
  readonly steps: number;
  /** Steps between two reports of progress; by default as many as take about a quarter of a second. */
  readonly stepsPerCall?: number;
  /** Training stops before the next call once it is aborted. */
  readonly signal?: AbortSignal;
  /** Where an earlier run of the same task left off. */
  readonly resume?: TrainingState;
}

/** How far a training is; see `train`. */
export interface TrainingProgress {
  /** Steps done, those before this run included. */
  readonly step: number;
  readonly steps: number;
  /** The loss of each step since the last report. */
  readonly losses: Float32Array;
  /** Mean loss over all steps of this run. */
  readonly meanLoss: number;
  readonly elapsedMs: number;
}

/** How a training ended. */
export interface TrainingResult {
  /** `stopped` when the signal ended it before the last step. */
  readonly status: 'finished' | 'stopped';
  readonly state: TrainingState;
  /** Mean loss over all steps of this run; NaN when it made none. */
  readonly meanLoss: number;
  readonly elapsedMs: number;
}

/**
 * Trains until `steps`. Afterwards, and between two reports to whoever calls `engine.syncModel()`, the model has
 * the trained weights. Nothing is disposed: the engine stays the caller's.
 *
 * @throws TrainingError when a loss is not finite, or a weight after the last step, of which there is no loss; engine
 *   and model then hold the last state whose loss was
 * @throws UsageError when the numbers of steps do not make sense
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingProgress, TrainingResult> {
  const { task, engine, sampler, steps, signal, resume } = options;
  checkSteps(options);
  if (resume) engine.restore(resume);
  const pacer = createPacer(options.stepsPerCall ?? engine.stepsPerCall);
  const good = new LastFiniteState(engine, (first, count) => {
    return engine.run(sampler.take(first * task.batchSize, count * task.batchSize));
  });
  const started = performance.now();
  const elapsedMs = () => performance.now() - started;
  const first = resume?.step ?? 0;
  let step = first;
  let sum = 0;
  while (step < steps && !signal?.aborted) {
    const count = Math.min(pacer.next(), steps - step);
    const callStarted = performance.now();
    const losses = engine.run(sampler.take(step * task.batchSize, count * task.batchSize));
    pacer.took(count, performance.now() - callStarted);
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) throw lossError(losses[bad]!, step + bad, good.restore(step + bad), task);
    step += count;
    sum = losses.reduce((total, loss) => total + loss, sum);
    good.passed();
    yield { step, steps, losses, meanLoss: sum / (step - first), elapsedMs: elapsedMs() };
    // Lets signals and timers through: an engine's call blocks.
    await setImmediate();
  }
  const state = engine.state();
  const broken = findNonFiniteWeight(state);
  if (broken !== undefined) throw weightError(broken, step, good.restore(step), task);
  engine.syncModel();
  const status = step < steps ? 'stopped' : 'finished';
  return { status, state, meanLoss: sum / (step - first), elapsedMs: elapsedMs() };
}

/** Runs a training to its end. */
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

/**
 * Finds back to the state before a loss was not finite. The weights at step s are good when the loss of step s
 * is finite; so a copy of a state is kept now and then, from which the steps are run again.
 */
class LastFiniteState {
  readonly #engine: Engine;
  readonly #run: (first: number, count: number) => void;
  /** The last two copies: the newest may turn out bad at its first loss. */
  #copies: TrainingState[];
  #copiedAtMs = performance.now();

  constructor(engine: Engine, run: (first: number, count: number) => void) {
    this.#engine = engine;
    this.#run = run;
    this.#copies = [engine.state()];
  }

  passed(): void {
    if (performance.now() - this.#copiedAtMs < COPY_EVERY_MS) return;
    this.#copies = [this.#copies.at(-1)!, this.#engine.state()];
    this.#copiedAtMs = performance.now();
  }

  /** @returns the step that engine and model now stand at */
  restore(badStep: number): number {
    const copy = this.#copies.findLast(({ step }) => step < badStep) ?? this.#copies[0]!;
    this.#engine.restore(copy);
    const missing = Math.max(0, badStep - 1 - copy.step);
    if (missing > 0) this.#run(copy.step, missing);
    this.#engine.syncModel();
    return copy.step + missing;
  }
}

const COPY_EVERY_MS = 2000;

function lossError(loss: number, step: number, goodStep: number, task: TrainingTask): TrainingError {
  return divergence(`the loss of step ${step + 1} is ${loss}`, goodStep, task);
}

function weightError(name: string, step: number, goodStep: number, task: TrainingTask): TrainingError {
  return divergence(`'${name}' holds values that are not finite after step ${step}`, goodStep, task);
}

function divergence(what: string, goodStep: number, task: TrainingTask): TrainingError {
  return new TrainingError(
    'training-failed',
    `${what}; the weights are back at those after ${goodStep} steps. ` +
      `Lower the learning rate (${task.optimizer.learningRate}), or clip the gradients`,
  );
}

/** Name of the first weight with a value that is not finite. */
export function findNonFiniteWeight({ weights }: TrainingState): string | undefined {
  return [...weights].find(([, values]) => !values.every(Number.isFinite))?.[0];
}

function checkSteps({ steps, stepsPerCall, resume }: TrainOptions): void {
  if (!Number.isInteger(steps) || steps < 0) {
    throw new UsageError('invalid-argument', `${steps} steps: has to be a whole number of at least 0`);
  }
  if (stepsPerCall !== undefined && !(Number.isInteger(stepsPerCall) && stepsPerCall > 0)) {
    throw new UsageError(
      'invalid-argument',
      `${stepsPerCall} steps a call: has to be a whole number of at least 1`,
    );
  }
  if (resume && resume.step > steps) {
    throw new UsageError(
      'invalid-argument',
      `training ended at step ${resume.step} already; ask for more than ${steps} steps`,
    );
  }
}
