import { QueueError } from '../errors.ts';
import type { RunManifest } from '../runs/index.ts';
import type { TrialOutcome, TrialSetup, TrialSpec, TrialsOptions } from '../trials/index.ts';
import type { QueueOptions } from './address.ts';
import { readBase } from './base-files.ts';
import { withConnection } from './connection.ts';
import { QueuedTrials } from './queued-trials.ts';
import { sweepIdOf } from './sweep-entry.ts';
import { openQueue } from './trial-queue.ts';

/** The sweep that trials belong to. */
export interface SweepContext {
  readonly setup: TrialSetup;
  readonly base: RunManifest;
}

/** How trials are queued and followed. */
export interface QueueTrialsOptions extends TrialsOptions {
  readonly queue: QueueOptions;
  /** Called with one line when the connection is lost or back, or a worker refuses the sweep. */
  readonly onNotice?: (message: string) => void;
}

/**
 * Puts trials into a queue and waits until workers have trained them. Their run folders and records are then in place, as
 * if they had been trained on this machine.
 *
 * @returns the outcomes by position; undefined for trials that the signal prevented. Workers continue after the signal, and
 *   the next call for the same folder collects what they finished.
 * @throws UsageError if an option is invalid
 * @throws QueueError if Redis cannot be reached or refuses a command, or the sweep was cancelled
 * @throws CheckpointError if the base has changed, or files cannot be written
 */
export async function runTrialsInQueue(
  specs: readonly TrialSpec[],
  { setup, base: manifest }: SweepContext,
  { queue: address, signal, onChange, onNotice }: QueueTrialsOptions,
): Promise<(TrialOutcome | undefined)[]> {
  const outcomes = new Array<TrialOutcome | undefined>(specs.length).fill(undefined);
  if (signal?.aborted) return outcomes;
  const base = await readBase(setup.run, manifest);
  try {
    await withConnection(address, { signal, onNotice }, async (connection) => {
      const id = await sweepIdOf(connection, setup.out);
      const queue = await openQueue(connection, id);
      const target = { sweep: id, out: setup.out, run: setup.run, base, classes: manifest.classNames.length };
      const trials = new QueuedTrials({ connection, queue, setup, specs, outcomes, target });
      await trials.start();
      await trials.wait({ signal, onChange, onNotice });
      await queue.close();
    });
  } catch (error) {
    // Commands in progress fail when a stop closes the connection.
    const isClosed = error instanceof QueueError && error.code === 'queue-failed';
    if (!(signal?.aborted && isClosed)) throw error;
  }
  return outcomes;
}
