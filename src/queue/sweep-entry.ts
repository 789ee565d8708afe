import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { checkDocument, readJson, writeJson } from '../files/index.ts';
import type { Connection } from './connection.ts';
import type { QueuedSweep } from './documents.ts';
import { cancelledKey, deleteMatching, sweepKey, sweepsKey } from './keys.ts';
import { deleteQueue } from './trial-queue.ts';

const FILE = 'queue.json';

const entrySchema = z.object({
  format: z.literal('tfjs-lora queued sweep'),
  formatVersion: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
});

/**
 * The id of the sweep of a folder in the queue. The file `queue.json` keeps it, so that a sweep that was stopped collects
 * what workers finished meanwhile. A cancelled sweep gets a new id.
 *
 * @throws CheckpointError if the file is damaged or cannot be written
 */
export async function sweepIdOf(connection: Connection, out: string): Promise<string> {
  const path = join(out, FILE);
  if (existsSync(path)) {
    const document = { format: 'tfjs-lora queued sweep', version: 1, name: 'the id of a sweep in a queue' };
    const { id } = checkDocument(path, await readJson(path), entrySchema, document);
    if (!(await isCancelled(connection, id))) return id;
  }
  const id = randomBytes(8).toString('hex');
  await writeJson(path, { format: 'tfjs-lora queued sweep', formatVersion: 1, id });
  return id;
}

/** Whether a sweep was cancelled. */
export async function isCancelled(connection: Connection, sweep: string): Promise<boolean> {
  return (await connection.redis.exists(cancelledKey(connection, sweep))) === 1;
}

/** Publishes the description of a sweep for workers, or updates it. */
export async function announceSweep(connection: Connection, sweep: QueuedSweep): Promise<void> {
  const { redis, expireSeconds } = connection;
  await redis
    .multi()
    .set(sweepKey(connection, sweep.id), JSON.stringify(sweep), 'EX', expireSeconds)
    .zadd(sweepsKey(connection), 'NX', Date.parse(sweep.createdAt), sweep.id)
    .expire(sweepsKey(connection), expireSeconds)
    .exec();
}

/** Deletes everything of a sweep in the queue. */
export async function deleteSweep(connection: Connection, sweep: string): Promise<void> {
  const { redis, prefix } = connection;
  await redis.multi().unlink(sweepKey(connection, sweep)).zrem(sweepsKey(connection), sweep).exec();
  await deleteQueue(connection, sweep);
  await deleteMatching(connection, `${prefix}:base:${sweep}:*`);
  await deleteMatching(connection, `${prefix}:result:${sweep}:*`);
}

/** Removes the id of a folder's sweep, once all its trials are done. */
export async function forgetSweepId(out: string): Promise<void> {
  await rm(join(out, FILE), { force: true });
}
