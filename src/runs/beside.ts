import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';

/** A run that a process is writing, or the run that it is about to replace. */
type Kind = 'partial' | 'replaced';

const NAME = /\.(partial|replaced)-(\d+)-[0-9a-f]{8}$/;

/** A folder beside the place of a run, `<run>.<kind>-<process>-<random>`. */
export interface FolderBeside {
  readonly path: string;
  readonly kind: Kind;
  /** Whether its process still works with it. */
  readonly inUse: boolean;
}

/** The place of a run by its path: a link to a run stays, and the run behind it is the one that is replaced. */
export function placeOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Those that this process works with. */
const own = new Set<string>();

/** Names a new folder beside the place of a run; it is in use until it is given up, or this process ends. */
export function nameBeside(target: string, kind: Kind): string {
  const path = `${target}.${kind}-${process.pid}-${randomBytes(4).toString('hex')}`;
  own.add(path);
  return path;
}

/**
 * Removes a folder, its manifest first, without which the rest passes for no checkpoint. What cannot be removed is left to
 * the next run of that place.
 */
export async function removeBeside(path: string): Promise<void> {
  await rm(join(path, 'run.json'), { force: true }).catch(() => undefined);
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
  own.delete(path);
}

/** From now on the folder is nobody's. */
export function giveUp(path: string): void {
  own.delete(path);
}

/** The folders beside the place of a run. */
export async function foldersBeside(target: string): Promise<FolderBeside[]> {
  const folder = dirname(target);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const entries = await withFileErrors(CheckpointError, folder, 'read', () => readdir(folder));
  return entries.flatMap((entry) => {
    const named = entry.startsWith(`${basename(target)}.`) ? NAME.exec(entry) : null;
    if (!named || entry.length !== basename(target).length + named[0].length) return [];
    const path = join(folder, entry);
    const kind = named[1] as Kind;
    return [{ path, kind, inUse: isInUse(path, kind, Number(named[2])) }];
  });
}

/** Process numbers come again, in a container after every start: what began after the folder's last change is another. */
function isInUse(path: string, kind: Kind, pid: number): boolean {
  if (pid === process.pid) return own.has(path);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats || !isAlive(pid)) return false;
  // A run that is being replaced was filled long ago; moving it aside changed its name alone.
  const changedMs = kind === 'replaced' ? stats.ctimeMs : stats.mtimeMs;
  const { hasEnded, startedMs } = factsOf(pid);
  return !hasEnded && !(startedMs > changedMs + CLOCK_TOLERANCE_MS);
}

/** Clocks of processes and of files tick in different steps. */
const CLOCK_TOLERANCE_MS = 2000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether a process has ended and only its parent has not heard of it, and when it began, in ms since 1970. Only Linux says
 * so (`man proc`); elsewhere false and NaN.
 */
function factsOf(pid: number): { readonly hasEnded: boolean; readonly startedMs: number } {
  try {
    // From the third field on: the second is a name in brackets. The 22nd is in hundredths of a second since the boot.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'));
    return { hasEnded: fields[0] === 'Z', startedMs: 1000 * Number(boot?.[1]) + 10 * Number(fields[22 - 3]) };
  } catch {
    return { hasEnded: false, startedMs: Number.NaN };
  }
}
