import { UsageError } from '../../errors.ts';
import type { TrainingState } from '../engine.ts';
import { type TrainingProgress, type TrainingResult, type TrainOptions, train } from '../trainer.ts';
import type { AdaptiveReplay } from './adaptive-replay.ts';
import {
  type Budget,
  bestWithinBudget,
  type ClassCount,
  checkBudget,
  computeTradeoff,
  isExhausted,
  type Tradeoff,
} from './policy.ts';

/** What a training may cost and how that is measured. */
export interface GuardOptions extends Budget {
  /** Counts of each class, by label, on a validation set, before any tuning: the adapter off. */
  readonly before: readonly ClassCount[];
  /** The same for the task's model as it is when called. The set must not be the test set, nor trained on. */
  measure(): readonly ClassCount[];
  /** The order that training takes its rows from, if the checks are to steer it. */
  readonly replay?: AdaptiveReplay;
  /** Steps between two checks; 20 by default. */
  readonly checkEvery?: number;
  /**
   * Checks beyond the budget in a row that end training. By default 3; as many as there are where the replay is
   * steered, which needs some checks to bring a class back.
   */
  readonly patience?: number;
  /** Of the training that `resume` goes on with; without it the best state is looked for from there on. */
  readonly history?: GuardHistory;
}

/** What a guard has seen and kept, to go on from where a training was stopped. */
export interface GuardHistory {
  /** The counts of each class, by label, at each check so far. */
  readonly checks: readonly { readonly step: number; readonly counts: readonly ClassCount[] }[];
  /** The state that is the best so far. */
  readonly best: TrainingState;
}

/** What training had gained and cost at a step. */
export interface GuardCheck extends Tradeoff {
  readonly step: number;
}

/** A report of progress with the check that followed it. */
export interface GuardedProgress extends TrainingProgress {
  readonly check: GuardCheck;
  /** To go on from here with, until the next report. */
  readonly history: GuardHistory;
}

/** How a guarded training ended, and what it kept. */
export interface GuardedResult extends TrainingResult {
  /** All checks, that of the state before the first step included. */
  readonly checks: readonly GuardCheck[];
  /** The check whose state the model and the engine now have. */
  readonly kept: GuardCheck;
  /** The step that training had reached when the guard ended it; undefined when it ran to its end. */
  readonly endedAt?: number;
  readonly history: GuardHistory;
}

/**
 * Trains like `train` and watches what it costs: ends when the budget is exceeded time after time, and goes back
 * to the state that gained most within the budget. That is the state at the start when no other kept it. A
 * training that its signal stops stays where it is, so that it can go on: with its history as if it had not stopped.
 *
 * @throws UsageError when the budget does not make sense or the history is of other examples, and what `train` throws
 */
export async function* trainGuarded(
  options: Omit<TrainOptions, 'stepsPerCall'> & { readonly guard: GuardOptions },
): AsyncGenerator<GuardedProgress, GuardedResult> {
  const { engine, guard, resume } = options;
  const { checkEvery = 20, before, patience = guard.replay ? Number.POSITIVE_INFINITY : 3, history } = guard;
  checkBudget(guard, before.length);
  if (!(patience >= 1)) {
    throw new UsageError('invalid-argument', `a patience of ${patience} checks: has to be at least 1`);
  }
  if (history) checkHistory(history, before);
  if (resume) engine.restore(resume);
  const seen: GuardHistory['checks'][number][] = [];
  const checks: GuardCheck[] = [];
  let best = history?.best;
  const add = (step: number, counts: readonly ClassCount[]): GuardCheck => {
    const one = { step, ...computeTradeoff(before, counts, guard) };
    guard.replay?.update(step, before, counts);
    seen.push({ step, counts });
    checks.push(one);
    return one;
  };
  const check = (step: number): GuardCheck => {
    engine.syncModel();
    const one = add(step, guard.measure());
    if (best === undefined || bestWithinBudget(checks) === one) best = engine.state();
    return one;
  };
  for (const { step, counts } of history?.checks ?? []) add(step, counts);
  const first = resume?.step ?? 0;
  if (checks.at(-1)?.step !== first) check(first);
  // The process may have ended between the last check and what follows from it.
  if (history && isExhausted(checks, patience)) {
    return settle({ status: 'finished', state: engine.state(), meanLoss: Number.NaN, elapsedMs: 0 }, first);
  }
  const training = train({ ...options, stepsPerCall: checkEvery });
  for (;;) {
    const next = await training.next();
    if (next.done) return settle(next.value);
    const progress = { ...next.value, check: check(next.value.step), history: soFar() };
    yield progress;
    if (isExhausted(checks, patience)) {
      const { step, meanLoss, elapsedMs } = progress;
      return settle({ status: 'finished', state: engine.state(), meanLoss, elapsedMs }, step);
    }
  }

  function soFar(): GuardHistory {
    return { checks: seen, best: best! };
  }

  function settle(result: TrainingResult, endedAt?: number): GuardedResult {
    const state = result.status === 'stopped' ? result.state : best!;
    engine.restore(state);
    engine.syncModel();
    const kept = checks.find(({ step }) => step === state.step)!;
    return { ...result, state, checks, kept, endedAt, history: soFar() };
  }
}

function checkHistory({ checks }: GuardHistory, before: readonly ClassCount[]): void {
  const same = checks.every(
    ({ counts }) =>
      counts.length === before.length &&
      counts.every(({ support }, label) => support === before[label]!.support),
  );
  if (same) return;
  throw new UsageError(
    'invalid-argument',
    'the guard holds out other examples than before the stop; go on with the same data',
  );
}
