import type { Queue } from 'bullmq';
import { UsageError } from '../errors.ts';
import { printable } from '../quote.ts';
import type { TrialDevice } from '../trials/index.ts';
import type { QueueOptions } from './address.ts';
import { type Connection, withConnection } from './connection.ts';
import { InvalidDocument, readSweep, type SweepDocument } from './documents.ts';
import { cancelledKey, sweepKey, sweepsKey } from './keys.ts';
import { deleteSweep } from './sweep-entry.ts';
import { openQueue } from './trial-queue.ts';
import { listWorkers } from './workers.ts';

/** A sweep in a queue. */
export interface SweepStatus {
  readonly id: string;
  /** Version of tfjs-lora that it needs. */
  readonly version: string;
  /** The rest is unknown for a sweep of another version. */
  readonly createdAt?: string;
  readonly device?: TrialDevice;
  readonly total?: number;
  /** Trials that wait for a worker. */
  readonly waiting: number;
  readonly running: number;
  /** Finished trials, including those that the sweep has not collected yet. */
  readonly done?: number;
  /** Of those done. */
  readonly failed?: number;
}

/** A worker of a queue. */
export interface WorkerStatus {
  /** Its machine and process. */
  readonly name: string;
  readonly version: string;
  readonly device: TrialDevice;
  /** Trials at a time. */
  readonly jobs: number;
  readonly running: number;
  /** Ids of sweeps that it refuses, and why. */
  readonly refused: Readonly<Record<string, 'version' | 'device' | 'data' | 'base' | 'steps'>>;
}

/** The content of a queue. */
export interface QueueStatus {
  /** The oldest first. */
  readonly sweeps: readonly SweepStatus[];
  readonly workers: readonly WorkerStatus[];
}

/** The most sweeps that are listed. */
const MAX_SWEEPS = 1000;

/**
 * Lists the sweeps and workers of a queue.
 *
 * @throws UsageError if an option is invalid
 * @throws QueueError if Redis cannot be reached or refuses a command
 */
export async function queueStatus(queue: QueueOptions): Promise<QueueStatus> {
  return await withConnection(queue, {}, async (connection) => {
    const sweeps: SweepStatus[] = [];
    for (const id of await sweepIds(connection)) {
      const status = await sweepStatus(connection, id);
      if (status) sweeps.push(status);
    }
    return { sweeps, workers: await listWorkers(connection) };
  });
}

/**
 * Cancels sweeps: their trials are deleted, and workers stop training them. Results that were not collected are lost.
 *
 * @param ids of the sweeps; default: the only one
 * @returns the ids of the cancelled sweeps
 * @throws UsageError if a sweep is unknown, or no id is given and there is not exactly one sweep
 * @throws QueueError if Redis cannot be reached or refuses a command
 */
export async function cancelSweeps(queue: QueueOptions, ids?: readonly string[]): Promise<readonly string[]> {
  return await withConnection(queue, {}, async (connection) => {
    const known = await sweepIds(connection);
    const chosen = ids ?? known;
    const unknown = chosen.find((id) => !known.includes(id));
    if (unknown !== undefined) {
      throw new UsageError('invalid-argument', `sweep ${printable(unknown)}: not in the queue`);
    }
    if (chosen.length === 0) throw new UsageError('invalid-argument', 'the queue has no sweep');
    if (!ids && known.length > 1) {
      throw new UsageError(
        'invalid-argument',
        `the queue has ${known.length} sweeps (${known.slice(0, 8).join(', ')}); name those to cancel`,
      );
    }
    for (const id of chosen) {
      await connection.redis.set(cancelledKey(connection, id), '1', 'EX', connection.expireSeconds);
      await deleteSweep(connection, id);
    }
    return chosen;
  });
}

async function sweepIds(connection: Connection): Promise<string[]> {
  const ids = await connection.redis.zrange(sweepsKey(connection), 0, MAX_SWEEPS - 1);
  return ids.filter((id) => /^[0-9a-f]{16}$/.test(id));
}

async function sweepStatus(connection: Connection, id: string): Promise<SweepStatus | undefined> {
  const document = await readSweep(connection.redis, sweepKey(connection, id)).catch(asUnknown);
  if (!document) return undefined;
  const queue = await openQueue(connection, id, { isReader: true });
  try {
    return { id, ...(await counts(queue, document)) };
  } finally {
    await queue.close();
  }
}

function asUnknown(error: unknown): SweepDocument {
  if (error instanceof InvalidDocument) return { version: 'unknown' };
  throw error;
}

async function counts(queue: Queue, { version, sweep }: SweepDocument): Promise<Omit<SweepStatus, 'id'>> {
  const jobs = await queue.getJobCounts('wait', 'active', 'completed', 'failed');
  const { wait: waiting = 0, active: running = 0, completed = 0, failed = 0 } = jobs;
  if (!sweep) return { version, waiting, running };
  const { createdAt, device, total } = sweep;
  return {
    version,
    createdAt,
    device,
    total,
    waiting,
    running,
    done: sweep.done + completed + failed,
    failed: sweep.failed + failed,
  };
}
