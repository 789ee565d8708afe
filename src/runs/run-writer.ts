import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { writeJson } from '../files/json.ts';
import { makeFolder } from '../files/make-folder.ts';
import { onDisk } from '../files/on-disk.ts';
import type { RunManifest } from './manifest.ts';

/** Folders beside a run: one that is being written, and the run that it is about to replace. */
const LEFT = /\.(partial|replaced)-(\d+)-[0-9a-f]{8}$/;

/** Where a run is to be. */
export interface RunTarget {
  /** The run's folder; without it the first free one of `runs/<name>`, `runs/<name>-2`, ... */
  readonly out?: string;
  readonly name: string;
  readonly cwd: string;
  /** Replace a run that is there; a folder that is not a run is never replaced. */
  readonly overwrite?: boolean;
}

/**
 * A run folder in the making: files are written beside the final place and appear there in one rename, so
 * that a run is whole or absent, whatever stops the process.
 */
export class RunWriter {
  /** Where files go until `commit`. */
  readonly staging: string;
  readonly #target: string;
  readonly #numbered: boolean;
  readonly #overwrite: boolean;

  private constructor(target: string, numbered: boolean, overwrite: boolean) {
    this.#target = target;
    this.#numbered = numbered;
    this.#overwrite = overwrite;
    this.staging = `${target}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  }

  /**
   * Makes the staging folder, so that a place that cannot be written to fails before any work is done.
   *
   * @throws UsageError when the run exists and `overwrite` is not set, or the folder is not a run
   * @throws CheckpointError when the place cannot be written to
   */
  static async create({ out, name, cwd, overwrite = false }: RunTarget): Promise<RunWriter> {
    const target = out === undefined ? resolve(cwd, 'runs', name) : behindLinks(resolve(cwd, out));
    const writer = new RunWriter(target, out === undefined, overwrite);
    await clearUp(target);
    if (out !== undefined && existsSync(target)) await refuseTaken(target, out, overwrite);
    await onDisk(CheckpointError, target, 'created', () => makeFolder(writer.staging));
    return writer;
  }

  /** The path of a file or folder of the run while it is being written. */
  path(...parts: string[]): string {
    return join(this.staging, ...parts);
  }

  /**
   * Writes `run.json` and puts the run in its place. Returns the run's folder.
   *
   * @throws CheckpointError when another process has taken the place meanwhile; the run is then kept beside it
   */
  async commit(manifest: RunManifest): Promise<string> {
    await writeJson(this.path('run.json'), manifest);
    return await onDisk(CheckpointError, this.#target, 'written', async () => {
      if (this.#overwrite && existsSync(this.#target)) return await this.#replace();
      for (let number = 1; ; number++) {
        const target = number === 1 ? this.#target : `${this.#target}-${number}`;
        if (!(await renameIfFree(this.staging, target))) continue;
        if (number === 1 || this.#numbered) return target;
        throw new CheckpointError(
          `${this.#target}: was made by another process meanwhile; the new run is kept in ${target}`,
        );
      }
    });
  }

  /** Removes what was written; does nothing after `commit`. */
  async discard(): Promise<void> {
    await rm(this.staging, { recursive: true, force: true });
  }

  async #replace(): Promise<string> {
    const old = `${this.#target}.replaced-${process.pid}-${randomBytes(4).toString('hex')}`;
    await rename(this.#target, old);
    await rename(this.staging, this.#target);
    await rm(old, { recursive: true, force: true });
    return this.#target;
  }
}

/** A link to a run stays, and the run behind it is the one that is replaced. */
function behindLinks(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

async function refuseTaken(target: string, out: string, overwrite: boolean): Promise<void> {
  const entries = await onDisk(CheckpointError, target, 'read', () => readdir(target));
  if (entries.length === 0) return;
  if (!entries.includes('run.json')) {
    throw new UsageError(`--out ${out}: holds files that are no run; name another folder`);
  }
  if (!overwrite)
    throw new UsageError(`--out ${out}: a run is there; add --overwrite or name another folder`);
}

async function renameIfFree(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    if ((code === 'EPERM' || code === 'ENOTDIR') && existsSync(to)) return false;
    throw error;
  }
}

/** Removes what processes that are gone left of the same run; a run that was just being replaced is put back. */
async function clearUp(target: string): Promise<void> {
  const folder = dirname(target);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return;
  for (const entry of await onDisk(CheckpointError, folder, 'read', () => readdir(folder))) {
    const left = entry.startsWith(`${basename(target)}.`) ? LEFT.exec(entry) : null;
    if (!left || isAlive(Number(left[2]))) continue;
    const path = join(folder, entry);
    if (left[1] === 'replaced' && !existsSync(target)) await rename(path, target);
    else await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
