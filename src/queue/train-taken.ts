import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { type AppError, UsageError } from '../errors.ts';
import {
  commonError,
  parseSpec,
  type TrialAnswer,
  type TrialLimits,
  TrialProcess,
  type TrialSetup,
  type TrialSpec,
  trialFile,
  trialFolder,
  trialId,
} from '../trials/index.ts';
import type { Connection } from './connection.ts';
import type { QueuedSweep } from './documents.ts';
import { trialOfJob } from './keys.ts';
import { storeResult } from './result-files.ts';
import type { ServedSweep } from './served-sweeps.ts';
import type { TakenTrial } from './trial-queue.ts';

/** A place for one trial at a time. Its process is kept for the next trial of the same sweep. */
export interface Slot {
  process?: TrialProcess;
  setup?: TrialSetup;
}

/** How a worker trains a trial. */
export interface TrainOptions {
  readonly limits: TrialLimits;
  readonly lostAfterSeconds: number;
  /** Ends the training; the trial is given back. */
  readonly signal: AbortSignal;
}

/** The outcome of a trial that a worker took. */
export type TakenOutcome =
  | { readonly type: 'complete' }
  /** The trial has failed; or this attempt has, and another one follows. */
  | { readonly type: 'failed'; readonly reason: string }
  /** It was returned to the queue for another worker. */
  | { readonly type: 'given back'; readonly error?: AppError }
  /** It was cancelled, or another worker has it. */
  | { readonly type: 'lost' };

/** Trains a trial that was taken, and puts its result into the queue. */
export async function trainTaken(
  connection: Connection,
  slot: Slot,
  { served, taken }: { readonly served: ServedSweep; readonly taken: TakenTrial },
  options: TrainOptions,
): Promise<TakenOutcome> {
  const { setup, sweep } = served;
  const { limits, lostAfterSeconds, signal } = options;
  let isLost = false;
  const stop = () => slot.process?.end();
  const heartbeat = setInterval(
    () =>
      void taken.renew().then(
        (isOurs) => {
          if (isOurs || isLost) return;
          isLost = true;
          stop();
        },
        () => {}, // the connection is closed
      ),
    (1000 * lostAfterSeconds) / 3,
  );
  signal.addEventListener('abort', stop, { once: true });
  try {
    const spec = specOf(taken, sweep);
    if (spec instanceof UsageError) {
      await taken.fail(spec.message, true);
      return { type: 'failed', reason: spec.message };
    }
    const trainingProcess = processFor(slot, setup);
    const answer = await trainingProcess.run(spec, { onProgress: progressOf(taken), limits });
    if (isLost) return { type: 'lost' };
    if (signal.aborted) {
      await taken.giveBack();
      return { type: 'given back' };
    }
    return await deliver(connection, { served, taken, answer });
  } catch (error) {
    if (isLost || isLockError(error)) return { type: 'lost' };
    throw error;
  } finally {
    clearInterval(heartbeat);
    signal.removeEventListener('abort', stop);
    const id = trialOfJob(String(taken.job.id));
    if (/^[0-9a-f]{16}$/.test(id)) await removeTrial(setup.out, id);
  }
}

async function deliver(
  connection: Connection,
  { served, taken, answer }: { served: ServedSweep; taken: TakenTrial; answer: TrialAnswer },
): Promise<TakenOutcome> {
  const { setup, sweep } = served;
  if (answer.type === 'finished') {
    const { record } = answer;
    const place = { sweep: sweep.id, upload: randomBytes(8).toString('hex') };
    await taken.finish(await storeResult(connection, place, { out: setup.out, record, base: sweep.base }));
    return record.status === 'complete' ? { type: 'complete' } : { type: 'failed', reason: record.reason! };
  }
  const common = answer.type === 'failed' ? commonError(answer) : undefined;
  if (common || answer.type === 'stopped') {
    await taken.giveBack();
    return { type: 'given back', error: common };
  }
  const text = answer.type === 'ended' ? answer.reason : answer.message;
  const reason = withoutPaths(text, setup);
  await taken.fail(reason, answer.type === 'failed' && answer.error !== undefined);
  return { type: 'failed', reason };
}

/** The checked specification of a job, or what is wrong with it. */
function specOf(taken: TakenTrial, sweep: QueuedSweep): TrialSpec | UsageError {
  try {
    return requireSpec(taken, sweep);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/**
 * Checks that a job has a trial of its sweep.
 *
 * @throws UsageError if it has not
 */
function requireSpec({ job }: TakenTrial, { base, data, device, steps, version }: QueuedSweep): TrialSpec {
  const invalid = (problem: string) => new UsageError('invalid-argument', `trial: ${problem}`);
  if ((JSON.stringify(job.data) ?? '').length > MAX_SPEC) throw invalid('its specification is too large');
  const spec = parseSpec(job.data);
  if (trialId(spec) !== trialOfJob(String(job.id))) throw invalid('its specification has another name');
  const isOfSweep =
    spec.base === base.contentHash &&
    spec.data.train === data.train &&
    spec.data.heldOut === data.heldOut &&
    spec.device === device &&
    spec.version === version;
  if (!isOfSweep) throw invalid('it does not belong to its sweep');
  if (spec.settings.steps > steps) throw invalid('it has more steps than its sweep allows');
  return spec;
}

/** Longest specification, in characters. */
const MAX_SPEC = 2 ** 16;

function processFor(slot: Slot, setup: TrialSetup): TrialProcess {
  if (slot.process?.isAlive && slot.setup === setup) return slot.process;
  slot.process?.end();
  slot.process = new TrialProcess(setup);
  slot.setup = setup;
  return slot.process;
}

/** Time between two reports of progress. */
const PROGRESS_INTERVAL_MS = 1000;

function progressOf(taken: TakenTrial): (fraction: number) => void {
  let dueMs = performance.now() + PROGRESS_INTERVAL_MS;
  return (fraction) => {
    if (performance.now() < dueMs) return;
    dueMs = performance.now() + PROGRESS_INTERVAL_MS;
    taken.progress(fraction).catch(() => {}); // the trial was cancelled, or the connection is closed
  };
}

/** BullMQ's errors for a job that this worker no longer has. */
function isLockError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /Missing lock|Lock mismatch|Missing key for job|not in the active state/i.test(error.message)
  );
}

/** A reason for the machine of the sweep: its first line, without paths of this machine. */
function withoutPaths(text: string, { out, run, data }: TrialSetup): string {
  const [line = ''] = text.split('\n');
  return line.replaceAll(out, 'sweep').replaceAll(run, 'base').replaceAll(data, 'data');
}

async function removeTrial(out: string, id: string): Promise<void> {
  await rm(trialFolder(out, id), { recursive: true, force: true }).catch(() => {});
  await rm(trialFile(out, id), { force: true }).catch(() => {});
}
