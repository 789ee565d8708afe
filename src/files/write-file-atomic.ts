import { randomBytes } from 'node:crypto';
import { open, rename, rm, writeFile } from 'node:fs/promises';

/**
 * Writes a file whole or not at all: what was at `path` stays until all bytes of the new content are on the disk.
 * A short write, as a disk that fills up gives, is gone on with until it is complete or fails.
 *
 * @param content text or bytes, or texts that are written one after the other
 * @throws the file system's error; nothing is left behind then
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<string>,
): Promise<void> {
  const partial = `${path}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const file = await open(partial, 'wx');
    try {
      await writeFile(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined); // ENOTDIR below a file
    throw error;
  }
}
