import { randomBytes } from 'node:crypto';
import { open, rename, rm, writeFile } from 'node:fs/promises';

/**
 * Writes a file in whole or not at all: the new content goes to a temporary file next to it, is flushed to the disk,
 * and then replaces what was at `path`.
 *
 * Used instead of the npm package write-file-atomic, which writes once and does not check how many bytes were taken:
 * when a disk fills up, it replaces the file by a truncated one and reports success. Here, Node's `writeFile` goes on
 * until all bytes are written or the system reports an error.
 *
 * @param content text, bytes, or texts to write one after the other
 * @throws the file system's error; no temporary file is left behind then
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
    await rm(partial, { force: true }).catch(() => undefined); // fails if a part of the path is a file
    throw error;
  }
}
