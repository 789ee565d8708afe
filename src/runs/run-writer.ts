import { existsSync } from 'node:fs';
import { readdir, readlink, rename } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, renameDurably, withFileErrors, writeJson } from '../files/index.ts';
import type { RunManifest } from './manifest.ts';
import {
  newStagingFolder,
  realTarget,
  release,
  removeStagingFolder,
  stagingFolders,
} from './staging-folders.ts';
import {
  findUnfinished,
  removeLeftovers,
  replaceRun,
  requireUnused,
  restoreReplaced,
  type Unfinished,
} from './unfinished.ts';

/** Where a run is written. */
export interface RunTarget {
  /** The run's folder. */
  readonly out: string;
  /** Use the first free of `<out>`, `<out>-2`, `<out>-3`, ... */
  readonly numbered?: boolean;
  /** Folder that a relative `out` is resolved against. */
  readonly cwd: string;
  /** Replace the run at `out`, finished or not. A folder that is not a run is never replaced. */
  readonly overwrite?: boolean;
  /** Called with one line if an unfinished run is deleted. */
  readonly onNotice?: (message: string) => void;
}

/** The target's path. With a number, the run gets the first free number from there on. */
interface Place {
  readonly path: string;
  readonly number?: number;
}

/**
 * Writes a run folder: files go to a staging folder next to the target, which is renamed at the end, so that a run is whole
 * or absent, whatever stops the process.
 */
export class RunWriter {
  /** The run's folder. */
  readonly target: string;
  /** The folder of the files until `commit`. */
  readonly staging: string;
  readonly #place: Place;
  readonly #overwrite: boolean;
  #isSaved = false;
  #checkpoint?: { readonly folder: string; readonly manifest: RunManifest };

  private constructor(place: Place, overwrite: boolean) {
    this.#place = place;
    this.#overwrite = overwrite;
    this.target = numbered(place);
    this.staging = newStagingFolder(this.target, 'partial');
  }

  /**
   * Creates the staging folder, so that a target that cannot be written fails before any work is done.
   *
   * @throws UsageError if a run exists, finished or not, and `overwrite` is not set, if the folder is not a run, or if
   *   another process is writing the run
   * @throws CheckpointError if the target cannot be written
   */
  static async create(wanted: RunTarget): Promise<RunWriter> {
    const { out, numbered: isNumbered, cwd, overwrite = false, onNotice = () => {} } = wanted;
    const path = resolve(cwd, out);
    const place = isNumbered ? await firstFree(path) : { path: realTarget(path) };
    const target = numbered(place);
    await requireUnused(target);
    await restoreReplaced(target);
    const unfinished = await findUnfinished(target);
    if (unfinished && !overwrite) throw unfinishedError(unfinished, isNumbered ? relative(cwd, target) : out);
    if (!isNumbered) await rejectDeadLink(target, out);
    if (!isNumbered && existsSync(target)) {
      await requireReplaceable(target, out, overwrite);
      await withFileErrors(CheckpointError, target, 'written', () => tryMove(target));
    }
    if (unfinished) onNotice(`note: ${nameOf(unfinished, out)}; it is deleted`);
    await removeLeftovers(target);
    const writer = new RunWriter(place, overwrite);
    await withFileErrors(CheckpointError, target, 'created', () => ensureDir(writer.staging));
    return writer;
  }

  /** Returns the path of a file of the run in the staging folder. */
  path(...parts: string[]): string {
    return join(this.staging, ...parts);
  }

  /** Whether the whole run is saved, at the target or in the staging folder. */
  get isSaved(): boolean {
    return this.#isSaved;
  }

  /** The last checkpoint; undefined after `commit`. */
  get checkpoint(): RunManifest | undefined {
    return this.#checkpoint?.manifest;
  }

  /**
   * Saves a checkpoint in a staging folder of its own, where `unfinishedAt` finds it if the process ends before `commit`.
   * The last checkpoint is removed once the new one is whole.
   *
   * @param write writes all files but `run.json` to a folder
   * @throws CheckpointError if the folder cannot be written
   */
  async saveCheckpoint(manifest: RunManifest, write: (folder: string) => Promise<void>): Promise<void> {
    const folder = newStagingFolder(this.target, 'partial');
    try {
      await withFileErrors(CheckpointError, folder, 'created', () => ensureDir(folder));
      await write(folder);
      await writeJson(join(folder, 'run.json'), manifest);
    } catch (error) {
      await removeStagingFolder(folder);
      throw error;
    }
    const last = this.#checkpoint;
    this.#checkpoint = { folder, manifest };
    if (last) await removeStagingFolder(last.folder);
  }

  /**
   * Writes `run.json` and renames the staging folder to the target.
   *
   * @returns the run's folder
   * @throws CheckpointError if the target was created meanwhile, or the folder cannot be renamed. The message names the
   *   folder in which the run is kept.
   */
  async commit(manifest: RunManifest): Promise<string> {
    await writeJson(this.path('run.json'), manifest);
    this.#isSaved = true;
    const folder = await this.#moveToPlace();
    if (this.#checkpoint) await removeStagingFolder(this.#checkpoint.folder);
    this.#checkpoint = undefined;
    if (folder === this.target || this.#place.number !== undefined) return folder;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${this.target}: was created by another process meanwhile; the new run is kept in ${folder}`,
    );
  }

  /** Removes what was written, except for the last checkpoint and a whole run that could not be renamed. */
  async discard(): Promise<void> {
    if (this.#isSaved) release(this.staging);
    else await removeStagingFolder(this.staging);
    if (this.#checkpoint) release(this.#checkpoint.folder);
  }

  async #moveToPlace(): Promise<string> {
    try {
      return await withFileErrors(CheckpointError, this.target, 'written', () => this.#putInPlace());
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      const message = `${error.message}; the run is kept in ${this.staging}`;
      throw new CheckpointError(error.code, message, { cause: error });
    }
  }

  async #putInPlace(): Promise<string> {
    if (this.#overwrite && existsSync(this.target)) {
      await replaceRun(this.target, this.staging);
      return this.target;
    }
    const { path, number = 1 } = this.#place;
    for (let next = number; ; next++) {
      const folder = numbered({ path, number: next });
      if (await renameIfFree(this.staging, folder)) return folder;
    }
  }
}

function numbered({ path, number = 1 }: Place): string {
  return number === 1 ? path : `${path}-${number}`;
}

/** Finds the first number that no run has and that no other process has reserved. */
async function firstFree(path: string): Promise<Place> {
  for (let number = 1; ; number++) {
    const folder = numbered({ path, number });
    if (existsSync(folder)) continue;
    const staging = await stagingFolders(folder);
    if (!staging.some(({ kind, inUse }) => inUse || kind === 'replaced')) return { path, number };
  }
}

function unfinishedError(unfinished: Unfinished, out: string): UsageError {
  return new UsageError('unfinished-run', `${nameOf(unfinished, out)}; resume it or replace it`);
}

function nameOf({ command, training }: Unfinished, out: string): string {
  return `${out}: an unfinished ${command} is there (last checkpoint at step ${training.stepsDone} of ${training.steps})`;
}

async function requireReplaceable(target: string, out: string, overwrite: boolean): Promise<void> {
  const entries = await withFileErrors(CheckpointError, target, 'read', () => readdir(target));
  if (entries.length === 0) return;
  if (!entries.includes('run.json')) {
    throw new UsageError(
      'not-a-run',
      `${out}: the folder contains files that are not a run; choose another folder`,
    );
  }
  if (!overwrite) throw new UsageError('already-exists', `${out}: a run is already there`);
}

/** A folder cannot be renamed to a link that leads nowhere or to itself. */
async function rejectDeadLink(target: string, out: string): Promise<void> {
  const link = await readlink(target).catch(() => undefined);
  if (link === undefined || existsSync(target)) return;
  throw new CheckpointError(
    'file-unwritable',
    `${out}: a link to ${link}, which does not exist; remove the link or choose another folder`,
  );
}

/** Renames a folder and back, as it will be replaced after the work. That fails for a mount point, for example. */
async function tryMove(target: string): Promise<void> {
  const aside = newStagingFolder(target, 'replaced');
  try {
    await rename(target, aside);
    await rename(aside, target);
  } finally {
    release(aside);
  }
}

async function renameIfFree(from: string, to: string): Promise<boolean> {
  try {
    await renameDurably(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    if ((code === 'EPERM' || code === 'ENOTDIR') && existsSync(to)) return false;
    throw error;
  }
}
