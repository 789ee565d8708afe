import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { wasRunning } from './process.ts';

/** `partial`: new content that a process is writing. `replaced`: old content that it moved aside. */
export type TemporaryKind = 'partial' | 'replaced';

const NAME = /\.(partial|replaced)-(\d+)-[0-9a-f]{8}$/;

/** A file or folder next to a target, `<target>.<kind>-<pid>-<random>`. */
export interface Temporary {
  readonly path: string;
  readonly kind: TemporaryKind;
  readonly isFolder: boolean;
  /** Whether its process is still using it. */
  readonly inUse: boolean;
}

/** The temporary files and folders that this process is using. */
const own = new Set<string>();

/** Returns a new path next to `target`. It is in use until it is released or this process ends. */
export function temporaryName(target: string, kind: TemporaryKind): string {
  const path = `${target}.${kind}-${process.pid}-${randomBytes(4).toString('hex')}`;
  own.add(path);
  return path;
}

/** Marks a temporary file or folder as no longer in use by this process. */
export function releaseTemporary(path: string): void {
  own.delete(path);
}

/**
 * Lists the temporary files and folders next to a target, those of other processes included.
 *
 * @throws the file system's error if the folder of the target does not exist or cannot be read
 */
export async function temporariesOf(target: string): Promise<Temporary[]> {
  const folder = dirname(target);
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const named = entry.name.startsWith(`${basename(target)}.`) ? NAME.exec(entry.name) : null;
    if (!named || entry.name.length !== basename(target).length + named[0].length) return [];
    const path = join(folder, entry.name);
    const kind = named[1] as TemporaryKind;
    return [{ path, kind, isFolder: entry.isDirectory(), inUse: isInUse(path, kind, Number(named[2])) }];
  });
}

/**
 * Removes the temporary files next to a file whose processes have ended. Keeps folders: these may be checkpoints of a
 * run. Does nothing if the folder cannot be read.
 */
export async function removeLeftFiles(target: string): Promise<void> {
  const left = await temporariesOf(target).catch(() => []);
  for (const { path, isFolder, inUse } of left) {
    if (!isFolder && !inUse) await rm(path, { force: true }).catch(() => undefined);
  }
}

function isInUse(path: string, kind: TemporaryKind, pid: number): boolean {
  if (pid === process.pid) return own.has(path);
  const stats = statSync(path, { throwIfNoEntry: false });
  // What is being replaced was written long ago; moving it aside changed only its name.
  return stats !== undefined && wasRunning(pid, kind === 'replaced' ? stats.ctimeMs : stats.mtimeMs);
}
