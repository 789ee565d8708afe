import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { wasRunning, withFileErrors } from '../files/index.ts';

const NAME = /^tfjs-lora-worker-(\d+)-[0-9a-f]{16}$/;

/**
 * Creates a folder for the bases and trials of a worker, in the folder of temporary files, and removes those of workers
 * that were killed.
 *
 * @throws CheckpointError if it cannot be created
 */
export async function createWorkerFolder(): Promise<string> {
  const parent = tmpdir();
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined) continue;
    const path = join(parent, name);
    const changedMs = (await stat(path).catch(() => undefined))?.mtimeMs;
    if (changedMs !== undefined && !wasRunning(Number(pid), changedMs)) await removeWorkerFolder(path);
  }
  const folder = join(parent, `tfjs-lora-worker-${process.pid}-${randomBytes(8).toString('hex')}`);
  await withFileErrors(CheckpointError, folder, 'created', () => mkdir(folder, { mode: 0o700 }));
  return folder;
}

/** Removes a worker's folder. The next worker tries again to remove files that cannot be removed now. */
export async function removeWorkerFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}
