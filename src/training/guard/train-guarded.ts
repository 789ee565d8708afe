import { UsageError } from '../../errors.ts';
import { requireFields } from '../arguments.ts';
import type { Engine } from '../engines/engine.ts';
import { type TrainingProgress, type TrainingResult, type TrainOptions, train } from '../trainer.ts';
import type { TrainingState } from '../training-state.ts';
import type { AdaptiveReplay } from './adaptive-replay.ts';
import { type GuardHistory, validateHistory } from './history.ts';
import {
  type Budget,
  bestWithinBudget,
  type ClassCount,
  computeTradeoff,
  isExhausted,
  type Tradeoff,
  validateBudget,
} from './tradeoff.ts';

/** Options of the guard: the budget, how to measure the model, and when. */
export interface GuardOptions extends Budget {
  /** Counts of all classes on the validation set before training (without the adapter), indexed by label. */
  readonly before: readonly ClassCount[];
  /**
   * Returns the counts of the task's model with its current weights, indexed by label. The validation set must not
   * overlap with the training examples or the test set.
   */
  measure(): readonly ClassCount[];
  /** The sampler of the training, if each check should update it. */
  readonly replay?: AdaptiveReplay;
  /** Steps from one check to the next. Default 20. */
  readonly checkEvery?: number;
  /**
   * Training ends after this many checks in a row that exceed the budget. Default 3; unlimited with `replay`, which
   * may need several checks to recover a class.
   */
  readonly patience?: number;
  /**
   * The history of the training that `resume` continues. Without it the checks start again at the step of `resume`,
   * and the best state is chosen among the states from there on.
   */
  readonly history?: GuardHistory;
}

/** The tradeoff at a step. */
export interface GuardCheck extends Tradeoff {
  readonly step: number;
}

/** A progress report of `trainGuarded`, with the check at its step. */
export interface GuardedProgress extends TrainingProgress {
  readonly check: GuardCheck;
  /** Pass it as `GuardOptions.history` to resume from this step. Valid until the next report. */
  readonly history: GuardHistory;
}

/** How a guarded training ended. */
export interface GuardedResult extends TrainingResult {
  /** All checks, including the one before the first step. */
  readonly checks: readonly GuardCheck[];
  /** The check of `state`, the state that model and engine are left in. */
  readonly kept: GuardCheck;
  /** The step at which the guard ended training; undefined if it ran to the last step or was stopped. */
  readonly endedAt?: number;
  /** The state after the last step, which `history` continues from. */
  readonly lastState: TrainingState;
  readonly history: GuardHistory;
}

const DEFAULT_CHECK_EVERY = 20;
const DEFAULT_PATIENCE = 3;

/**
 * Trains like `train`, and measures the tradeoff every `checkEvery` steps. Ends early if `patience` checks in a row
 * exceed the budget. At the end, restores the state with the largest gain within the budget, or the initial state if
 * no other is within it. If the signal stops training, the last state is kept instead, so that training can be
 * resumed. Resumed with its history, it gives the same result as without the stop.
 *
 * @throws UsageError if an option is invalid, or the history is from another validation set
 * @throws CheckpointError if the history is damaged
 * @throws TrainingError like `train`
 * @example
 * const guard = { targetLabels: [2, 3], maxDrop: 0.01, before, measure };
 * for await (const { check } of trainGuarded({ task, engine, sampler, steps, guard })) console.log(check.drop);
 */
export async function* trainGuarded(
  options: Omit<TrainOptions, 'stepsPerCall'> & { readonly guard: GuardOptions },
): AsyncGenerator<GuardedProgress, GuardedResult> {
  requireGuardedOptions(options);
  const { engine, guard: guardOptions, resume } = options;
  const guard = new Guard(engine, guardOptions, resume?.step ?? 0);
  if (resume) engine.restore(resume);
  guard.replayHistory();
  const firstStep = resume?.step ?? 0;
  if (guard.lastStep !== firstStep) guard.check(firstStep);
  // The previous process may have ended after the check that used up `patience`.
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

function requireGuardedOptions(options: { readonly guard: GuardOptions }): void {
  const advice = 'pass { task, engine, sampler, steps, guard }';
  requireFields('training options', options, { engine: 'object', guard: 'object' }, advice);
  const fields = { before: 'object', measure: 'function' } as const;
  requireFields('guard', options.guard, fields, 'pass { targetLabels, maxDrop, before, measure }');
}

/** The checks of a guarded training, and the best state so far. */
class Guard {
  readonly #engine: Engine;
  readonly #options: GuardOptions;
  readonly #patience: number;
  readonly #counts: GuardHistory['checks'][number][] = [];
  readonly #checks: GuardCheck[] = [];
  #best: TrainingState | undefined;

  /**
   * @param firstStep the step of the state to resume
   * @throws UsageError if the budget or the patience is invalid, or the history is from another validation set
   * @throws CheckpointError if the history is damaged
   */
  constructor(engine: Engine, options: GuardOptions, firstStep: number) {
    const { before, replay, history } = options;
    this.#engine = engine;
    this.#options = options;
    this.#patience = options.patience ?? (replay ? Number.POSITIVE_INFINITY : DEFAULT_PATIENCE);
    this.#best = history?.best;
    validateBudget(options, before.length);
    if (!(this.#patience >= 1)) {
      throw new UsageError('invalid-argument', `patience ${this.#patience}: must be at least 1 check`);
    }
    if (history) validateHistory(history, before, firstStep);
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

  /** Adds the checks of the history again, which also restores the weights of the replay. */
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
    const { history } = this;
    return { ...result, state, checks: this.#checks, kept, endedAt, history, lastState: result.state };
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
