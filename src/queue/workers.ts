import type { Connection } from './connection.ts';
import { InvalidDocument, type QueueWorker, readWorker } from './documents.ts';
import { workerKey, workersKey } from './keys.ts';

/** Time without an announcement after which a worker counts as gone. */
const PRESENCE_SECONDS = 30;
/** Time between two announcements. */
export const ANNOUNCE_INTERVAL_MS = 5000;
/** The most workers that are listed. */
const MAX_WORKERS = 1000;

/** Announces a worker, for the status of the queue. */
export async function announceWorker(connection: Connection, id: string, worker: QueueWorker): Promise<void> {
  const { redis, expireSeconds } = connection;
  await redis
    .multi()
    .set(workerKey(connection, id), JSON.stringify(worker), 'EX', PRESENCE_SECONDS)
    .sadd(workersKey(connection), id)
    .expire(workersKey(connection), expireSeconds)
    .exec();
}

/** Removes a worker that ends. */
export async function removeWorker(connection: Connection, id: string): Promise<void> {
  await connection.redis.multi().unlink(workerKey(connection, id)).srem(workersKey(connection), id).exec();
}

/** The workers that are running. */
export async function listWorkers(connection: Connection): Promise<QueueWorker[]> {
  const { redis } = connection;
  const ids = await redis.srandmember(workersKey(connection), MAX_WORKERS);
  const workers: QueueWorker[] = [];
  for (const id of ids) {
    try {
      const worker = await readWorker(redis, workerKey(connection, id));
      if (worker) workers.push(worker);
      else await redis.srem(workersKey(connection), id);
    } catch (error) {
      if (!(error instanceof InvalidDocument)) throw error;
    }
  }
  return workers.sort((a, b) => (a.name < b.name ? -1 : 1));
}
