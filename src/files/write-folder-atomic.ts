import { existsSync, realpathSync } from 'node:fs';
import { access, constants, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ensureDir, removeEmptyFolders } from './ensure-dir.ts';
import { linkMissing } from './link-missing.ts';
import { renameDurably, syncFolder } from './sync-folder.ts';
import { releaseTemporary, temporariesOf, temporaryName } from './temporary.ts';

/** Error codes for a mount point on the same disk, and on Windows for a folder with a file that a program has open. */
const CANNOT_BE_RENAMED: ReadonlySet<string> = new Set(
  process.platform === 'win32' ? ['EBUSY', 'EPERM', 'EACCES'] : ['EBUSY'],
);

/** Options of `writeFolderAtomic`. */
export interface WriteFolderOptions {
  /** Whether to remove a file that is in the folder already and was not written. Default: all are kept. */
  readonly drop?: (name: string) => boolean;
}

/**
 * Writes a set of files that belong together: after a kill or a full disk, the folder has all new files or all old ones.
 * The files are written to a folder next to it, which gets links to the other files that `path` holds and is then
 * renamed. If the process ends between the two renames, `recoverFolder` puts the old folder back.
 *
 * Where a folder cannot be renamed (a mount point, the working directory, a folder above that is read-only), its
 * files are replaced one by one.
 *
 * @param path is created if it does not exist, with the folders above it; these are removed again if writing fails
 * @param write writes the files into the folder that it is given, each with `writeFileAtomic`
 * @throws the error of `write`, or the file system's
 */
export async function writeFolderAtomic(
  path: string,
  write: (folder: string) => Promise<void>,
  { drop = () => false }: WriteFolderOptions = {},
): Promise<void> {
  const target = existsSync(path) ? realpathSync(path) : resolve(path);
  await recoverFolder(target);
  if (existsSync(target) && !(await canBeRenamed(target))) {
    await writeInPlace(target, write, drop);
    return;
  }
  const parent = dirname(target);
  const created = await ensureDir(parent);
  const staging = temporaryName(target, 'partial');
  try {
    await mkdir(staging);
    await write(staging);
    if (existsSync(target)) await linkMissing(target, staging, drop);
    await syncFolder(staging);
    await putInPlace(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    await removeEmptyFolders(parent, created);
    if (error instanceof Error) error.message = error.message.replaceAll(staging, target);
    if (!CANNOT_BE_RENAMED.has((error as NodeJS.ErrnoException).code ?? '') || !existsSync(target))
      throw error;
    await writeInPlace(target, write, drop);
  } finally {
    releaseTemporary(staging);
  }
}

/**
 * Cleans up after processes that ended while they wrote a folder: puts the old one back if it was moved aside and nothing
 * is in its place, and removes what is left otherwise. Does not touch runs, which have checkpoints of the same names.
 */
export async function recoverFolder(target: string): Promise<void> {
  const left = await temporariesOf(target).catch(() => []);
  for (const { path, kind, isFolder, inUse } of left) {
    if (inUse || !isFolder || existsSync(join(path, 'run.json'))) continue;
    if (kind === 'replaced' && !existsSync(target)) await rename(path, target);
    else await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function putInPlace(staging: string, target: string): Promise<void> {
  if (!existsSync(target)) {
    await renameDurably(staging, target);
    return;
  }
  const replaced = temporaryName(target, 'replaced');
  try {
    await rename(target, replaced);
    try {
      await renameDurably(staging, target);
    } catch (error) {
      await rename(replaced, target);
      throw error;
    }
    await rm(replaced, { recursive: true, force: true }).catch(() => undefined);
  } finally {
    releaseTemporary(replaced);
  }
}

/** Whether another folder can take the place of this one without surprising the user. */
async function canBeRenamed(target: string): Promise<boolean> {
  const parent = dirname(target);
  if (isIn(process.cwd(), target)) return false; // a shell there would see an empty folder
  const [own, above] = await Promise.all([stat(target), stat(parent)]);
  if (own.dev !== above.dev) return false;
  return await access(parent, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Whether a path is a folder or in it. */
function isIn(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way); // absolute: another drive of Windows
}

async function writeInPlace(
  target: string,
  write: (folder: string) => Promise<void>,
  drop: (name: string) => boolean,
): Promise<void> {
  const before = await readdir(target);
  const remove = (names: readonly string[]) =>
    Promise.all(names.map((name) => rm(join(target, name), { recursive: true, force: true })));
  try {
    await write(target);
  } catch (error) {
    const added = (await readdir(target)).filter((name) => !before.includes(name));
    await remove(added).catch(() => undefined);
    throw error;
  }
  await remove(before.filter(drop));
}
