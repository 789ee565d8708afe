import { join, resolve } from 'node:path';
import type { Sampler } from '../data/index.ts';
import { CheckpointError, TrainingError } from '../errors.ts';
import type { TrainingFiles } from '../runs/index.ts';
import { createEventWriter, type EventWriter, type ScalarPoint } from '../tensorboard/index.ts';
import {
  createEngine,
  type Engine,
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
  type TrainOptions,
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
  /** Measures the accuracy that training costs, and restores the best state within the budget. */
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

/** State of an earlier training, to continue from. */
export interface ResumeState extends TrainingFiles {
  /** The folder that it was read from, for messages. */
  readonly folder: string;
  /** `dataHash` of its training set; undefined if the run has none. */
  readonly dataHash?: string;
}

/** Progress of a training. The model has the weights of `state`. */
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
  /** The checks of the guard, and the state that it chose. */
  readonly guarded?: Pick<GuardedResult, 'checks' | 'kept' | 'endedAt'>;
  /** The training before the guard chose a state, to resume from if the rest of the work fails. */
  readonly resumable: FitState;
}

const DEFAULT_CHECKPOINT_EVERY_MS = 60_000;

/**
 * Trains the task's model: reports progress, writes event files and checkpoints, and stops at `signal`. The engine
 * is disposed on every path.
 *
 * @throws UsageError if an option is invalid, or the folder of the event files cannot be written at the start
 * @throws TrainingError if a resumed training gets no further
 */
export async function fitTask(options: FitOptions): Promise<FitResult> {
  const { task, steps, guard, onNotice = () => {} } = options;
  // The number of all steps decides, so that a resumed training runs on the engine it began with.
  const engine = createEngine(options.engine ?? 'auto', task, {
    steps,
    stepsPerCall: guard?.checkEvery,
    note: onNotice,
  });
  try {
    const events = await openEvents(options);
    try {
      return await new Fit(engine, events, options).run();
    } finally {
      await events?.close();
    }
  } finally {
    engine.dispose();
  }
}

async function openEvents({
  tensorboard,
  cwd = process.cwd(),
  resume,
  onNotice,
}: FitOptions): Promise<EventWriter | undefined> {
  if (tensorboard === undefined) return undefined;
  return await createEventWriter(resolve(cwd, tensorboard), {
    resumedAt: resume && resume.state.step + 1,
    onFailure: (error) => onNotice?.(`warning: ${error.message}; training continues without event files`),
  });
}

/** A training in progress. */
class Fit {
  readonly #engine: Engine;
  readonly #events: EventWriter | undefined;
  readonly #options: FitOptions;
  /** At least as many as steps are done. */
  #losses: Float32Array;
  readonly #startedMs = performance.now();
  readonly #checkpoint: () => Promise<void>;
  #history: GuardHistory | undefined;

  constructor(engine: Engine, events: EventWriter | undefined, options: FitOptions) {
    this.#engine = engine;
    this.#events = events;
    this.#options = options;
    const { resume, onNotice = () => {} } = options;
    const everyMs = options.checkpointEveryMs ?? DEFAULT_CHECKPOINT_EVERY_MS;
    this.#losses = resume?.losses ?? new Float32Array(0);
    this.#checkpoint = checkpointWhenDue(() => this.#saveCheckpoint(), { everyMs, onNotice });
  }

  async run(): Promise<FitResult> {
    const { task, sampler, steps, resume, guard, signal } = this.#options;
    if (resume) requireSameTensors(this.#engine.state(), resume);
    const trainOptions = { task, engine: this.#engine, sampler, steps, signal, resume: resume?.state };
    try {
      if (guard) return await this.#runGuarded(trainOptions, guard);
      const { status } = await runToEnd(train(trainOptions), (progress) => this.#onProgress(progress));
      const result = this.#current(status);
      return { ...result, resumable: { ...result, status: 'stopped' } };
    } catch (error) {
      // A resumed run that gets no further stays as it is: there is nothing to save.
      const isUnchanged = resume && this.#engine.state().step <= resume.state.step;
      if (!(error instanceof TrainingError) || isUnchanged) throw error;
      this.#history = undefined; // its last check is of a later step than the restored state
      const result = this.#current('stopped');
      return { ...result, failure: error, resumable: result };
    }
  }

  async #runGuarded(trainOptions: TrainOptions, guard: GuardOptions): Promise<FitResult> {
    const { resume, onNotice } = this.#options;
    if (resume && !resume.guard) {
      onNotice?.(
        `note: the run has no record of earlier checks; the guard looks for the best state from step ${resume.state.step}`,
      );
    }
    const guarded = await runToEnd(
      trainGuarded({ ...trainOptions, guard: { ...guard, history: resume?.guard } }),
      (progress) => this.#onProgress(progress),
    );
    this.#history = guarded.history;
    return {
      ...this.#current(guarded.status),
      guarded,
      resumable: this.#current('stopped', guarded.lastState),
    };
  }

  async #onProgress(progress: TrainingProgress | GuardedProgress): Promise<void> {
    const { step, steps, losses } = progress;
    const { task, signal, onProgress } = this.#options;
    this.#addLosses(losses, step - losses.length);
    if ('history' in progress) this.#history = progress.history;
    onProgress?.(progress);
    await this.#events?.write(scalars(task, step - losses.length, losses));
    if (step < steps && !signal?.aborted) await this.#checkpoint();
  }

  /** The array grows with the steps done, as `steps` may be far more than will ever be run. */
  #addLosses(losses: Float32Array, firstStep: number): void {
    const needed = firstStep + losses.length;
    if (needed > this.#losses.length) {
      const grown = new Float32Array(Math.min(this.#options.steps, Math.max(needed, 2 * firstStep)));
      grown.set(this.#losses.subarray(0, firstStep));
      this.#losses = grown;
    }
    this.#losses.set(losses, firstStep);
  }

  async #saveCheckpoint(): Promise<void> {
    const progress = this.#current('stopped');
    const { saveCheckpoint } = this.#options;
    if (!saveCheckpoint || findNonFiniteWeight(progress.state) !== undefined) return;
    this.#engine.syncModel();
    await saveCheckpoint(progress);
  }

  #current(status: FitState['status'], state = this.#engine.state()): FitState {
    return {
      engine: this.#engine.name,
      status,
      state,
      losses: this.#losses.subarray(0, state.step),
      history: this.#history,
      elapsedMs: performance.now() - this.#startedMs,
    };
  }
}

/**
 * Checks that a stored state has the tensors of the task, before training begins.
 *
 * @throws CheckpointError naming the first tensor that is missing, unknown or of another size
 */
function requireSameTensors(expected: TrainingState, { folder, state, guard }: ResumeState): void {
  const stored = [['state.safetensors', state] as const, ['best.safetensors', guard?.best] as const];
  for (const [file, { weights, slots } = expected] of stored) {
    for (const [part, found, wanted] of [
      ['weights', weights, expected.weights],
      ['slots', slots, expected.slots],
    ] as const) {
      const name = [...wanted.keys(), ...found.keys()].find(
        (candidate) => found.get(candidate)?.length !== wanted.get(candidate)?.length,
      );
      if (name === undefined) continue;
      const [has, needs] = [found, wanted].map((tensors) => tensors.get(name)?.length ?? 'no');
      throw new CheckpointError(
        'invalid-checkpoint',
        `${join(folder, 'state', file)}: has ${has} values of '${part}/${name}', the training needs ${needs}; ` +
          'the run is damaged, or its data were replaced',
      );
    }
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
