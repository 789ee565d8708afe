import type { Dirent } from 'node:fs';
import { copyFile, link, lstat, mkdir, open, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './sync-folder.ts';

/**
 * Gives `to` all files of `from` that it does not have, in subfolders too, as hard links: both then share the content.
 * Files are copied where the file system has no links.
 *
 * @param drop names directly in `from` that are left out
 */
export async function linkMissing(
  from: string,
  to: string,
  drop: (name: string) => boolean = () => false,
): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (drop(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const existing = await lstat(target).catch(() => undefined);
    if (entry.isDirectory()) {
      if (existing && !existing.isDirectory()) continue;
      if (!existing) await mkdir(target);
      await linkMissing(source, target);
    } else if (!existing) {
      await linkOrCopy(entry, source, target);
    }
  }
  await syncFolder(to);
}

async function linkOrCopy(entry: Dirent, source: string, target: string): Promise<void> {
  if (entry.isSymbolicLink()) {
    await symlink(await readlink(source), target);
    return;
  }
  try {
    await link(source, target);
  } catch {
    await copyFile(source, target);
    const copy = await open(target, 'r+');
    await copy.sync().finally(() => copy.close());
  }
}
