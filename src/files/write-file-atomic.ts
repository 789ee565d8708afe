import { open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensureDir, removeEmptyFolders } from './ensure-dir.ts';
import { renameDurably } from './sync-folder.ts';
import { releaseTemporary, removeLeftFiles, temporaryName } from './temporary.ts';

/**
 * Writes a file atomically: the new content goes to a temporary file next to it, is flushed to the disk, and then
 * replaces the file at `path`. Removes the temporary files that killed processes left there.
 *
 * Used instead of the npm package write-file-atomic, which calls `write` once and ignores how many bytes were written:
 * if the disk is full, it replaces the file by a truncated one and reports success. Node's `writeFile`, used here,
 * continues until all bytes are written or the system reports an error.
 *
 * @param content text, bytes, or texts to write one after the other
 * @param parents whether to create the folders above it; they are removed again if writing fails
 * @throws the file system's error; no temporary file is left behind then
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<string>,
  { parents = false }: { readonly parents?: boolean } = {},
): Promise<void> {
  const folder = dirname(path);
  const created = parents ? await ensureDir(folder) : undefined;
  const partial = temporaryName(path, 'partial');
  try {
    await removeLeftFiles(path);
    const file = await open(partial, 'wx');
    try {
      await writeFile(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined); // fails if a part of the path is a file
    await removeEmptyFolders(folder, created);
    throw error;
  } finally {
    releaseTemporary(partial);
  }
}
