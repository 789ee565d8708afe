import { type AppError, CheckpointError, DataError, TensorFlowError } from '../errors.ts';
import type { TrialError, TrialSetup } from './messages.ts';
import type { TrialRecord, TrialSpec } from './trial.ts';
import { TrialProcess } from './trial-process.ts';

/** A trial whose process ends this often without an answer has failed. */
export const MAX_ATTEMPTS = 3;

/** The outcome of a trial: its record, or why there is none. */
export type TrialOutcome = { readonly record: TrialRecord } | { readonly failure: string };

/** How to follow and stop the training of several trials. */
export interface TrialsOptions {
  readonly signal?: AbortSignal;
  /** Called when a trial begins, advances or ends. */
  readonly onChange?: (state: TrialsState) => void;
}

/** What is done of several trials. */
export interface TrialsState {
  readonly done: number;
  /** Of those done. */
  readonly failed: number;
  /** The fraction done of each trial that is being trained. */
  readonly running: readonly number[];
}

/**
 * Trains trials in processes of this machine, in the given order. A trial whose process was killed is tried again in a new
 * one.
 *
 * @param jobs number of processes
 * @returns the outcomes by position; undefined for trials that the signal prevented
 * @throws CheckpointError if files cannot be written, or the base has changed
 * @throws DataError if the images have changed
 * @throws TensorFlowError if the device is not available
 */
export async function runTrialsInPool(
  specs: readonly TrialSpec[],
  setup: TrialSetup,
  { jobs, signal, onChange }: TrialsOptions & { readonly jobs: number },
): Promise<(TrialOutcome | undefined)[]> {
  const outcomes = new Array<TrialOutcome | undefined>(specs.length).fill(undefined);
  const running = new Map<number, number>();
  const fault = new AbortController();
  const stopped = AbortSignal.any([fault.signal, ...(signal ? [signal] : [])]);
  let next = 0;
  const report = () => onChange?.(stateOf(outcomes, [...running.values()]));
  const train = async (slot: Slot, position: number) => {
    const onProgress = (fraction: number) => {
      running.set(position, fraction);
      report();
    };
    onProgress(0);
    for (let attempt = 1; outcomes[position] === undefined && !stopped.aborted; attempt++) {
      if (!slot.process?.isAlive) slot.process = new TrialProcess(setup);
      const answer = await slot.process.run(specs[position]!, { onProgress, signal: stopped });
      if (answer.type === 'finished') outcomes[position] = { record: answer.record };
      if (answer.type === 'failed') {
        const reason = commonError(answer);
        if (reason) fault.abort(reason);
        else outcomes[position] = { failure: answer.message };
      }
      if (answer.type === 'ended' && attempt === MAX_ATTEMPTS) {
        outcomes[position] = { failure: attemptsFailed(answer.reason) };
      }
    }
    running.delete(position);
    report();
  };
  const work = async () => {
    const slot: Slot = {};
    while (next < specs.length && !stopped.aborted) await train(slot, next++);
    slot.process?.end();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, specs.length) }, work));
  if (fault.signal.aborted) throw fault.signal.reason;
  return outcomes;
}

interface Slot {
  process?: TrialProcess;
}

/** The failure of a trial whose process ended too often. */
export function attemptsFailed(reason: string): string {
  return `its process ended ${MAX_ATTEMPTS} times (${reason})`;
}

/** Counts outcomes. */
export function stateOf(
  outcomes: readonly (TrialOutcome | undefined)[],
  running: readonly number[],
): TrialsState {
  const finished = outcomes.filter((outcome) => outcome !== undefined);
  const failed = finished.filter(
    (outcome) => 'failure' in outcome || outcome.record.status === 'failed',
  ).length;
  return { done: finished.length, failed, running };
}

/** The error of a trial that every other trial would have as well. */
export function commonError({ message, error }: TrialError): AppError | undefined {
  if (!error?.isCommon) return undefined;
  const Kind = { 3: DataError, 4: CheckpointError, 6: TensorFlowError }[error.exitCode];
  return Kind && new Kind(error.code, message);
}
