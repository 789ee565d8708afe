import type { Connection } from './connection.ts';

/** The keys that BullMQ creates for a queue, except those of its jobs. */
const BULL_KEYS = [
  'wait',
  'active',
  'completed',
  'failed',
  'delayed',
  'prioritized',
  'paused',
  'stalled',
  'stalled-check',
  'limiter',
  'marker',
  'meta',
  'id',
  'pc',
  'events',
  'repeat',
  'waiting-children',
];

/** Keys with the names and presence of everything in a queue. */
export const sweepsKey = ({ prefix }: Connection) => `${prefix}:sweeps`;
export const workersKey = ({ prefix }: Connection) => `${prefix}:workers`;
export const workerKey = ({ prefix }: Connection, worker: string) => `${prefix}:worker:${worker}`;

/** The description of a sweep, see `sweepSchema`. */
export const sweepKey = ({ prefix }: Connection, sweep: string) => `${prefix}:sweep:${sweep}`;
/** Exists if a sweep was cancelled. */
export const cancelledKey = ({ prefix }: Connection, sweep: string) => `${prefix}:cancelled:${sweep}`;
/** A file of a sweep's base, stored in chunks. */
export const baseKey = ({ prefix }: Connection, sweep: string, sha256: string) =>
  `${prefix}:base:${sweep}:${sha256}`;
/** A file of a trial's result, stored in chunks. Each upload has its own, so that two workers never mix theirs. */
export const resultKey = ({ prefix }: Connection, sweep: string, upload: string, sha256: string) =>
  `${prefix}:result:${sweep}:${upload}:${sha256}`;

/** BullMQ's prefix of all queues. A sweep has one queue, named by its id. */
export const bullPrefix = ({ prefix }: Connection) => `${prefix}:trials`;

/** The job of a trial. BullMQ does not allow ids that are numbers. */
export const jobId = (trial: string) => `t${trial}`;
export const trialOfJob = (job: string) => job.slice(1);

/** Keys of a pipeline. */
const BATCH = 500;

/** Sets the time to live of the keys of a sweep's queue. */
export async function expireQueue(
  connection: Connection,
  sweep: string,
  jobs: readonly string[] = [],
): Promise<void> {
  const { redis, expireSeconds } = connection;
  const start = `${bullPrefix(connection)}:${sweep}:`;
  // The lists that refer to jobs expire last.
  for (let first = 0; first < jobs.length; first += BATCH) {
    const pipeline = redis.pipeline();
    for (const job of jobs.slice(first, first + BATCH)) pipeline.expire(`${start}${job}`, expireSeconds);
    await pipeline.exec();
  }
  const pipeline = redis.pipeline();
  // stalled-check expires by itself within seconds.
  for (const key of BULL_KEYS) if (key !== 'stalled-check') pipeline.expire(`${start}${key}`, expireSeconds);
  await pipeline.exec();
}

/** How many of some keys exist. */
export async function countExisting({ redis }: Connection, keys: readonly string[]): Promise<number> {
  let existing = 0;
  for (let first = 0; first < keys.length; first += BATCH) {
    existing += await redis.exists(...keys.slice(first, first + BATCH));
  }
  return existing;
}

/** Deletes the keys that match a pattern. */
export async function deleteMatching({ redis }: Connection, pattern: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH);
    cursor = next;
    if (keys.length > 0) await redis.unlink(...keys);
  } while (cursor !== '0');
}
