import { CheckpointError, UsageError } from '../../errors.ts';
import type { TrainingState } from '../training-state.ts';
import type { ClassCount } from './tradeoff.ts';

/** What a guard needs to continue a stopped training. */
export interface GuardHistory {
  /** The counts of each check so far, indexed by label. */
  readonly checks: readonly { readonly step: number; readonly counts: readonly ClassCount[] }[];
  /** The best state so far. */
  readonly best: TrainingState;
}

/**
 * Checks the history of a stopped training. It may come from a file: the steps of its checks decide how far the batches of
 * an adaptive replay are drawn again.
 *
 * @param before counts of all classes before training, indexed by label
 * @param step the step of the state to resume
 * @throws UsageError if the history is from another validation set
 * @throws CheckpointError if its checks are not in ascending order up to `step`, a count is impossible, or there was no check
 *   of the best state
 */
export function validateHistory(
  { checks, best }: GuardHistory,
  before: readonly ClassCount[],
  step: number,
): void {
  checks.forEach((check, index) => {
    const least = index === 0 ? 0 : checks[index - 1]!.step + 1;
    if (Number.isInteger(check.step) && check.step >= least && check.step <= step) return;
    throw damaged(
      `check ${index + 1} is at step ${check.step}, which must be a whole number from ${least} to ${step}`,
    );
  });
  if (!checks.some((check) => check.step === best.step)) {
    throw damaged(`the best state is of step ${best.step}, at which there was no check`);
  }
  for (const { step: checkStep, counts } of checks) {
    const isSameSet =
      counts.length === before.length &&
      counts.every(({ support }, label) => support === before[label]!.support);
    if (!isSameSet) {
      throw new UsageError(
        'invalid-argument',
        'the validation set differs from that of the stopped training; resume with the same data and seed',
      );
    }
    const label = counts.findIndex(
      ({ support, errors }) => !(Number.isInteger(errors) && errors >= 0 && errors <= support),
    );
    if (label < 0) continue;
    const { errors, support } = counts[label]!;
    throw damaged(
      `the check at step ${checkStep} has ${errors} errors of ${support} examples of class ${label}`,
    );
  }
}

function damaged(problem: string): CheckpointError {
  return new CheckpointError(
    'invalid-checkpoint',
    `history of the guard: ${problem}; it is damaged, so train again without it`,
  );
}
