import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Creates a folder, and those above it, if it does not exist. Several processes may do so at once.
 *
 * Used instead of `mkdir` with `recursive: true`, which never returns for a path below /proc on Linux (Node 20, 22
 * and 24): there, mkdir reports ENOENT although the folder above exists, and Node tries again for ever.
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
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
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

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function notSupported(path: string, cause: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${path}: folders cannot be created there`, { cause }), { code: 'ENOTSUP' });
}
