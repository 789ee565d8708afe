import { readFile, writeFile } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { fileReason } from '../files/reason.ts';

/** Runs a file operation; a failure of the file system becomes a CheckpointError that names `path`. */
export async function onDisk<T>(path: string, action: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined || error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${path}: cannot be ${action}: ${fileReason(code)}`, { cause: error });
  }
}

export async function readJson(path: string): Promise<unknown> {
  const text = await onDisk(path, 'read', () => readFile(path, 'utf8'));
  try {
    return JSON.parse(text);
  } catch {
    throw new CheckpointError(`${path}: is not JSON; the file is damaged`);
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await onDisk(path, 'written', () => writeFile(path, `${JSON.stringify(value, null, 2)}\n`));
}
