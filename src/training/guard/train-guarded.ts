import { UsageError } from '../../errors.ts';
import type { TrainingState } from '../engine.ts';
import { type TrainingProgress, type TrainingResult, type TrainOptions, train } from '../trainer.ts';
import {
  type Balance,
  type Budget,
  balance,
  bestWithinBudget,
  type ClassCount,
  checkBudget,
  isExhausted,
} from './policy.ts';
import type { SteeredReplay } from './steered-replay.ts';

export interface GuardOptions extends Budget {
  /** Counts of each class, by label, on a validation set, before any tuning: the adapter off. */
  readonly before: readonly ClassCount[];
  /** The same for the task's model as it is when called. The set must not be the test set, nor trained on. */
  measure(): readonly ClassCount[];
  /** The order that training takes its rows from, if the checks are to steer it. */
  readonly replay?: SteeredReplay;
  /** Steps between two checks; 20 by default. */
  readonly checkEvery?: number;
  /**
   * Checks beyond the budget in a row that end training. By default 3; as many as there are where the replay is
   * steered, which needs some checks to bring a class back.
   */
  readonly patience?: number;
}

export interface GuardCheck extends Balance {
  readonly step: number;
}

export interface GuardedProgress extends TrainingProgress {
  readonly check: GuardCheck;
}

export interface GuardedResult extends TrainingResult {
  /** All checks, that of the state before the first step included. */
  readonly checks: readonly GuardCheck[];
  /** The check whose state the model and the engine now have. */
  readonly kept: GuardCheck;
  /** The step that training had reached when the guard ended it; undefined when it ran to its end. */
  readonly endedAt?: number;
}

/**
 * Trains like `train` and watches what it costs: ends when the budget is exceeded time after time, and goes back
 * to the state that gained most within the budget. That is the state at the start when no other kept it. A
 * training that its signal stops stays where it is, so that it can go on.
 *
 * @throws UsageError when the budget does not make sense, and what `train` throws
 */
export async function* trainGuarded(
  options: Omit<TrainOptions, 'stepsPerCall'> & { readonly guard: GuardOptions },
): AsyncGenerator<GuardedProgress, GuardedResult> {
  const { engine, guard, resume } = options;
  const { checkEvery = 20, before, patience = guard.replay ? Number.POSITIVE_INFINITY : 3 } = guard;
  checkBudget(guard, before.length);
  if (!(patience >= 1)) {
    throw new UsageError(`a patience of ${patience} checks: has to be at least 1`);
  }
  if (resume) engine.restore(resume);
  const checks: GuardCheck[] = [];
  let best: { readonly step: number; readonly state: TrainingState } | undefined;
  const check = (step: number): GuardCheck => {
    engine.syncModel();
    const after = guard.measure();
    const one = { step, ...balance(before, after, guard) };
    guard.replay?.steer(step, before, after);
    checks.push(one);
    if (best === undefined || bestWithinBudget(checks) === one) best = { step, state: engine.state() };
    return one;
  };
  check(resume?.step ?? 0);
  const training = train({ ...options, stepsPerCall: checkEvery });
  for (;;) {
    const next = await training.next();
    if (next.done) return settle(next.value);
    const progress = { ...next.value, check: check(next.value.step) };
    yield progress;
    if (isExhausted(checks, patience)) {
      const { step, meanLoss, elapsedMs } = progress;
      return settle({ status: 'finished', state: engine.state(), meanLoss, elapsedMs }, step);
    }
  }

  function settle(result: TrainingResult, endedAt?: number): GuardedResult {
    const wanted = result.status === 'stopped' ? { step: result.state.step, state: result.state } : best!;
    engine.restore(wanted.state);
    engine.syncModel();
    const kept = checks.find(({ step }) => step === wanted.step)!;
    return { ...result, state: wanted.state, checks, kept, endedAt };
  }
}
