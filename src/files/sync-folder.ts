import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Error codes of file systems that cannot flush a folder, or on which it cannot be opened for reading. */
const UNSUPPORTED = new Set([
  'EINVAL',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EACCES',
  'EPERM',
  'EISDIR',
  'EBADF',
]);

/**
 * Flushes the names in a folder to the disk. Without it, a file or folder that was renamed can have its old name, or none,
 * after a power failure (`man fsync`). Does nothing where that is not supported, as on Windows.
 *
 * @throws the file system's error, such as EIO
 */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!UNSUPPORTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Renames a file or folder. The new name survives a power failure. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}
