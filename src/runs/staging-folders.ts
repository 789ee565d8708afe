import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { wasRunning, withFileErrors } from '../files/index.ts';

/** `partial`: a run or checkpoint that is being written. `replaced`: a run that was moved aside for a new one. */
type Kind = 'partial' | 'replaced';

const NAME = /\.(partial|replaced)-(\d+)-[0-9a-f]{8}$/;

/** A folder next to a run, `<run>.<kind>-<pid>-<random>`. */
export interface StagingFolder {
  readonly path: string;
  readonly kind: Kind;
  /** The process that created it. */
  readonly pid: number;
  /** Whether that process is still using it. */
  readonly inUse: boolean;
}

/** Resolves a link to a run, so that the run behind the link is replaced and the link stays. */
export function realTarget(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** The staging folders that this process uses. */
const own = new Set<string>();

/** Returns the path of a new staging folder of a run. It is in use until it is released or this process ends. */
export function newStagingFolder(target: string, kind: Kind): string {
  const path = `${target}.${kind}-${process.pid}-${randomBytes(4).toString('hex')}`;
  own.add(path);
  return path;
}

/**
 * Removes a staging folder, its manifest first, so that a partial removal is not taken for a checkpoint. A failure is
 * ignored: the next run of that target tries again.
 */
export async function removeStagingFolder(path: string): Promise<void> {
  await rm(join(path, 'run.json'), { force: true }).catch(() => undefined);
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
  own.delete(path);
}

/** Marks a staging folder as no longer in use, and keeps it. */
export function release(path: string): void {
  own.delete(path);
}

/** Lists the staging folders of a run. */
export async function stagingFolders(target: string): Promise<StagingFolder[]> {
  const folder = dirname(target);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const entries = await withFileErrors(CheckpointError, folder, 'read', () => readdir(folder));
  return entries.flatMap((entry) => {
    const match = entry.startsWith(`${basename(target)}.`) ? NAME.exec(entry) : null;
    if (!match || entry.length !== basename(target).length + match[0].length) return [];
    const path = join(folder, entry);
    const kind = match[1] as Kind;
    const pid = Number(match[2]);
    return [{ path, kind, pid, inUse: isInUse(path, kind, pid) }];
  });
}

/** Whether the process that created a staging folder is still running, and not another one that got its id later. */
function isInUse(path: string, kind: Kind, pid: number): boolean {
  if (pid === process.pid) return own.has(path);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return false;
  // Moving a run aside does not change its modification time, only its change time.
  return wasRunning(pid, kind === 'replaced' ? stats.ctimeMs : stats.mtimeMs);
}
