import { mkdir, readdir } from 'node:fs/promises';
import { DataError } from '../errors.ts';

/** What the operating system's codes mean to a user, and what to do. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder; check the path',
  ENOTDIR: 'a part of the path is a file; check the path',
  EEXIST: 'a file of that name is there; choose another folder',
  EISDIR: 'it is a folder; give a file',
  EACCES: 'permission denied; check its owner and mode',
  EPERM: 'permission denied; check its owner and mode',
  EROFS: 'the file system is read-only; choose another folder',
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
};

/** Turns a failure of the file system into a DataError that names the path; other errors stay as they are. */
export function fileError(path: string, action: 'read' | 'written', error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined || error instanceof DataError) return error;
  return new DataError(`${path}: cannot be ${action}: ${REASONS[code] ?? code}`, { cause: error });
}

/**
 * Makes a folder, and those above it, unless it is there.
 *
 * @returns the names in it
 * @throws DataError when it cannot be made or read
 */
export async function makeFolder(directory: string): Promise<string[]> {
  try {
    await mkdir(directory, { recursive: true });
    return await readdir(directory);
  } catch (error) {
    throw fileError(directory, 'written', error);
  }
}
