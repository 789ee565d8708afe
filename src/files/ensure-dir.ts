import { lstat, mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Code of the error if a part of the path is a dangling symbolic link, for which the system reports EEXIST. */
export const DANGLING_LINK = 'DANGLING_LINK';

/**
 * Creates a folder, and those above it, if it does not exist. Several processes may do so at once.
 *
 * Used instead of `mkdir` with `recursive: true`, which never returns for a path below /proc on Linux (Node 20, 22
 * and 24): there, mkdir reports ENOENT although the folder above exists, and Node retries without end.
 *
 * @returns the topmost folder that was created, to remove if the work fails; undefined if all existed
 * @throws the file system's error
 */
export async function ensureDir(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    if (await isFolder(path)) return undefined;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isLink(path))) throw danglingLink(path, error);
    // A drive of Windows that does not exist has no folder above it.
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const topmost = await ensureDir(dirname(path));
  try {
    await mkdir(path);
    return topmost ?? path;
  } catch (error) {
    if (await isFolder(path)) return topmost;
    const isMisleading =
      (error as NodeJS.ErrnoException).code === 'ENOENT' && (await isFolder(dirname(path)));
    throw isMisleading ? notSupported(path, error) : error;
  }
}

/**
 * Removes folders that are empty: `path`, then those above it up to `topmost`.
 *
 * @param topmost what `ensureDir` returned; undefined to remove nothing
 */
export async function removeEmptyFolders(path: string, topmost: string | undefined): Promise<void> {
  if (topmost === undefined) return;
  try {
    for (let folder = path; folder.length >= topmost.length; folder = dirname(folder)) await rmdir(folder);
  } catch {
    // Not empty, so the ones above it are not either.
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
}

function danglingLink(path: string, cause: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${path}: a link whose target does not exist`, { cause }), {
    code: DANGLING_LINK,
  });
}

function notSupported(path: string, cause: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${path}: folders cannot be created there`, { cause }), { code: 'ENOTSUP' });
}
