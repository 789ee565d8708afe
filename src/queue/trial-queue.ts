import type { Job, Queue, Worker } from 'bullmq';
import { MAX_ATTEMPTS, type TrialSpec, trialId } from '../trials/index.ts';
import type { Connection } from './connection.ts';
import type { StoredResult } from './documents.ts';
import { bullPrefix, deleteMatching, expireQueue, jobId, sweepKey } from './keys.ts';
import { loadPackage } from './packages.ts';

/** The job of a trial. Its content comes from Redis and has not been checked. */
export type TrialJob = Job<unknown, unknown>;

/** Number of lost workers after which a trial has failed. */
export const MAX_LOST = 10;

/** Events that BullMQ keeps of a queue. Nothing here reads them. */
const EVENTS = 100;
const BATCH = 500;

const connectionOptions = (connection: Connection) => ({
  // BullMQ's check of the version prints warnings.
  connection: connection.redis,
  prefix: bullPrefix(connection),
  skipVersionCheck: true,
});

/**
 * The queue of a sweep, for the sweep.
 *
 * @param isReader whether the queue is only read, so that nothing is stored for it
 */
export async function openQueue(
  connection: Connection,
  sweep: string,
  { isReader = false }: { readonly isReader?: boolean } = {},
): Promise<Queue> {
  const { Queue: BullQueue } = await loadPackage(() => import('bullmq'));
  const queue = new BullQueue(sweep, {
    ...connectionOptions(connection),
    skipMetasUpdate: isReader,
    streams: { events: { maxLen: EVENTS } },
  });
  // Errors of the connection are reported by the connection.
  queue.on('error', () => {});
  return queue;
}

/** Adds trials that the queue does not have yet. */
export async function addTrials(
  connection: Connection,
  queue: Queue,
  specs: readonly TrialSpec[],
): Promise<void> {
  for (let first = 0; first < specs.length; first += BATCH) {
    const batch = specs.slice(first, first + BATCH);
    await queue.addBulk(
      batch.map((data) => ({
        name: 'trial',
        data,
        opts: { jobId: jobId(trialId(data)), attempts: MAX_ATTEMPTS, stackTraceLimit: 0 },
      })),
    );
  }
  await expireQueue(
    connection,
    queue.name,
    specs.map((spec) => jobId(trialId(spec))),
  );
}

/** Deletes the queue of a sweep, also trials that workers are training. */
export async function deleteQueue(connection: Connection, sweep: string): Promise<void> {
  await deleteMatching(connection, `${bullPrefix(connection)}:${sweep}:*`);
}

/** A trial that a worker has taken. No other worker takes it while its lock is renewed. */
export interface TakenTrial {
  readonly job: TrialJob;
  /**
   * Renews the lock.
   *
   * @returns false if the trial was cancelled, or given to another worker because the lock had expired
   */
  renew(): Promise<boolean>;
  progress(fraction: number): Promise<void>;
  finish(result: StoredResult): Promise<void>;
  /**
   * @param isFinal whether trying again would fail as well
   */
  fail(reason: string, isFinal: boolean): Promise<void>;
  giveBack(): Promise<void>;
}

/** The queue of a sweep, for a worker. */
export interface TrialSource {
  /** Takes a trial; undefined if none is waiting. */
  take(token: string): Promise<TakenTrial | undefined>;
  close(): Promise<void>;
}

/**
 * Opens the queue of a sweep for a worker. It also looks for trials of workers that were lost.
 *
 * @param lostAfterSeconds time without renewal after which a trial is given to another worker
 */
export async function openSource(
  connection: Connection,
  sweep: string,
  lostAfterSeconds: number,
): Promise<TrialSource> {
  const { Worker: BullWorker, UnrecoverableError } = await loadPackage(() => import('bullmq'));
  const lockMs = Math.round(1000 * lostAfterSeconds);
  const worker: Worker<unknown, unknown> = new BullWorker(sweep, null, {
    ...connectionOptions(connection),
    autorun: false,
    lockDuration: lockMs,
    stalledInterval: Math.round(lockMs / 2),
    maxStalledCount: MAX_LOST - 1,
  });
  worker.on('error', () => {});
  await worker.waitUntilReady();
  await worker.startStalledCheckTimer();
  return {
    take: async (token) => {
      const job = await worker.getNextJob(token, { block: false });
      if (!job) return undefined;
      const failure = (reason: string, isFinal: boolean) => {
        const error = isFinal ? new UnrecoverableError(reason) : new Error(reason);
        error.stack = ''; // it has paths of this machine
        return error;
      };
      return {
        job,
        renew: async () => (await job.extendLock(token, lockMs)) === 1,
        progress: (fraction) => job.updateProgress(fraction),
        finish: async (result) => void (await job.moveToCompleted(result, token, false)),
        fail: async (reason, isFinal) =>
          void (await job.moveToFailed(failure(reason, isFinal), token, false)),
        giveBack: async () => void (await job.moveToWait(token)),
      };
    },
    close: async () => {
      await worker.close(true);
      // The search for lost trials stores keys also for a sweep that has ended.
      if (await connection.redis.exists(sweepKey(connection, sweep))) await expireQueue(connection, sweep);
      else await deleteQueue(connection, sweep);
    },
  };
}
