import { readdir } from 'node:fs/promises';
import { DataError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { fileReason } from '../files/reason.ts';

/** Turns a failure of the file system into a DataError that names the path; other errors stay as they are. */
export function fileError(path: string, action: 'read' | 'written', error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined || error instanceof DataError) return error;
  return new DataError(`${path}: cannot be ${action}: ${fileReason(code)}`, { cause: error });
}

/**
 * Makes a folder, and those above it, unless it is there.
 *
 * @returns the names in it
 * @throws DataError when it cannot be made or read
 */
export async function makeDataFolder(directory: string): Promise<string[]> {
  try {
    await makeFolder(directory);
    return await readdir(directory);
  } catch (error) {
    throw fileError(directory, 'written', error);
  }
}
