import { UsageError } from '../../errors.ts';
import type { Engine } from '../engines/engine.ts';
import { type TrainingProgress, type TrainingResult, type TrainOptions, train } from '../trainer.ts';
import type { TrainingState } from '../training-state.ts';
import type { AdaptiveReplay } from './adaptive-replay.ts';
import {
  type Budget,
  bestWithinBudget,
  type ClassCount,
  computeTradeoff,
  isExhausted,
  type Tradeoff,
  validateBudget,
} from './tradeoff.ts';

/** What a training may cost, and how that is measured. */
export interface GuardOptions extends Budget {
  /** Counts of all classes on the validation set before training, indexed by label: without the adapter. */
  readonly before: readonly ClassCount[];
  /**
   * Returns the counts of the task's model as it is when called, indexed by label. The validation set must be neither
   * trained on nor the test set.
   */
  measure(): readonly ClassCount[];
  /** The sampler of the training, to be updated by each check. */
  readonly replay?: AdaptiveReplay;
  /** Steps from one check to the next. Default 20. */
  readonly checkEvery?: number;
  /**
   * Training ends after this many checks in a row that exceed the budget. Default 3; unlimited with `replay`, which
   * needs some checks to bring a class back.
   */
  readonly patience?: number;
  /**
   * The history of the training that `resume` continues. Without it the checks start again, and the best state is one
   * from `resume` on.
   */
  readonly history?: GuardHistory;
}

/** What a guard needs to continue a stopped training. */
export interface GuardHistory {
  /** The counts of each check so far, indexed by label. */
  readonly checks: readonly { readonly step: number; readonly counts: readonly ClassCount[] }[];
  /** The best state so far. */
  readonly best: TrainingState;
}

/** What training had gained and cost at a step. */
export interface GuardCheck extends Tradeoff {
  readonly step: number;
}

/** A progress report of `trainGuarded`, with the check at its step. */
export interface GuardedProgress extends TrainingProgress {
  readonly check: GuardCheck;
  /** Continues from this step; valid until the next report. */
  readonly history: GuardHistory;
}

/** How a guarded training ended. */
export interface GuardedResult extends TrainingResult {
  /** All checks, including that of the state before the first step. */
  readonly checks: readonly GuardCheck[];
  /** The check of `state`, which model and engine have now. */
  readonly kept: GuardCheck;
  /** The step at which the guard ended training; undefined if it ran to the last step or was stopped. */
  readonly endedAt?: number;
  readonly history: GuardHistory;
}

const DEFAULT_CHECK_EVERY = 20;
const DEFAULT_PATIENCE = 3;

/**
 * Trains like `train`, and checks regularly what the training costs. It ends early if `patience` checks in a row
 * exceed the budget. At the end model and engine have the state that gained most within the budget, which is the
 * initial state if no other is within it. A training that is stopped by its signal keeps its last state instead, so
 * that it can be resumed; with its history the result is as if it had not been stopped.
 *
 * @throws UsageError if the budget or the patience is invalid, or the history has other validation examples
 * @throws TrainingError like `train`
 * @example
 * const guard = { targetLabels: [2, 3], maxDrop: 0.01, before, measure };
 * for await (const { check } of trainGuarded({ task, engine, sampler, steps, guard })) console.log(check.drop);
 */
export async function* trainGuarded(
  options: Omit<TrainOptions, 'stepsPerCall'> & { readonly guard: GuardOptions },
): AsyncGenerator<GuardedProgress, GuardedResult> {
  const { engine, guard: guardOptions, resume } = options;
  const guard = new Guard(engine, guardOptions);
  if (resume) engine.restore(resume);
  guard.replayHistory();
  const firstStep = resume?.step ?? 0;
  if (guard.lastStep !== firstStep) guard.check(firstStep);
  // The process may have ended after the check that exhausted the budget.
  if (guardOptions.history && guard.isExhausted) {
    const unchanged = { state: engine.state(), meanLoss: Number.NaN, elapsedMs: 0 };
    return guard.finish({ status: 'finished', ...unchanged }, firstStep);
  }

  const training = train({ ...options, stepsPerCall: guardOptions.checkEvery ?? DEFAULT_CHECK_EVERY });
  for (;;) {
    const next = await training.next();
    if (next.done) return guard.finish(next.value);
    const progress = next.value;
    const check = guard.check(progress.step);
    yield { ...progress, check, history: guard.history };
    if (guard.isExhausted) {
      const { step, meanLoss, elapsedMs } = progress;
      return guard.finish({ status: 'finished', state: engine.state(), meanLoss, elapsedMs }, step);
    }
  }
}

/** The checks of a guarded training, and the best state so far. */
class Guard {
  readonly #engine: Engine;
  readonly #options: GuardOptions;
  readonly #patience: number;
  readonly #counts: GuardHistory['checks'][number][] = [];
  readonly #checks: GuardCheck[] = [];
  #best: TrainingState | undefined;

  /** @throws UsageError if the budget or the patience is invalid, or the history has other validation examples */
  constructor(engine: Engine, options: GuardOptions) {
    const { before, replay, history } = options;
    this.#engine = engine;
    this.#options = options;
    this.#patience = options.patience ?? (replay ? Number.POSITIVE_INFINITY : DEFAULT_PATIENCE);
    this.#best = history?.best;
    validateBudget(options, before.length);
    if (!(this.#patience >= 1)) {
      throw new UsageError('invalid-argument', `patience ${this.#patience}: must be at least 1 check`);
    }
    if (history) validateHistory(history, before);
  }

  /** The step of the last check. */
  get lastStep(): number | undefined {
    return this.#checks.at(-1)?.step;
  }

  get isExhausted(): boolean {
    return isExhausted(this.#checks, this.#patience);
  }

  get history(): GuardHistory {
    return { checks: this.#counts, best: this.#best! };
  }

  /** Repeats the checks of the training that is resumed, which also brings the replay to where it was. */
  replayHistory(): void {
    for (const { step, counts } of this.#options.history?.checks ?? []) this.#add(step, counts);
  }

  /** Measures the model at a step, and saves its state if it is the best so far. */
  check(step: number): GuardCheck {
    this.#engine.syncModel();
    const check = this.#add(step, this.#options.measure());
    if (this.#best === undefined || bestWithinBudget(this.#checks) === check) {
      this.#best = this.#engine.state();
    }
    return check;
  }

  /** Restores the best state, or keeps the last one of a stopped training, and returns the result. */
  finish(result: TrainingResult, endedAt?: number): GuardedResult {
    const state = result.status === 'stopped' ? result.state : this.#best!;
    this.#engine.restore(state);
    this.#engine.syncModel();
    const kept = this.#checks.find(({ step }) => step === state.step)!;
    return { ...result, state, checks: this.#checks, kept, endedAt, history: this.history };
  }

  #add(step: number, counts: readonly ClassCount[]): GuardCheck {
    const { before, replay } = this.#options;
    const check = { step, ...computeTradeoff(before, counts, this.#options) };
    replay?.update(step, before, counts);
    this.#counts.push({ step, counts });
    this.#checks.push(check);
    return check;
  }
}

function validateHistory({ checks }: GuardHistory, before: readonly ClassCount[]): void {
  const isSame = checks.every(
    ({ counts }) =>
      counts.length === before.length &&
      counts.every(({ support }, label) => support === before[label]!.support),
  );
  if (isSame) return;
  throw new UsageError(
    'invalid-argument',
    'the validation set is not that of the stopped training; resume with the same data and seed',
  );
}
