import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it, unless it is there. Unlike `mkdir` with `recursive` it also ends where the
 * file system makes no folders at all, such as below /proc on Linux, where Node tries for ever.
 *
 * @param path absolute, or relative to the working directory
 * @returns the topmost folder that it made, to remove should the work fail; undefined when all were there
 * @throws the file system's error
 */
export async function ensureDir(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    if (await isFolder(path)) return undefined;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (await isFolder(dirname(path))) throw unsupported(path, error);
  }
  const topmost = await ensureDir(dirname(path));
  return (await ensureDir(path)) === undefined ? topmost : (topmost ?? path);
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The folder above is there, so ENOENT would only mislead. */
function unsupported(path: string, cause: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${path}: no folder can be made there`, { cause }), { code: 'ENOTSUP' });
}
