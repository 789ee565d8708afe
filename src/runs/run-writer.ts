import { existsSync } from 'node:fs';
import { readdir, readlink, rename } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeJson } from '../files/index.ts';
import { foldersBeside, giveUp, nameBeside, placeOf, removeBeside } from './beside.ts';
import type { RunManifest } from './manifest.ts';
import { clearLeft, findUnfinished, putBack, replaceRun, type Unfinished } from './unfinished.ts';

/** Where a run is to be. */
export interface RunTarget {
  /** The run's folder. */
  readonly out: string;
  /** Whether to use the first free one of `<out>`, `<out>-2`, `<out>-3`, ... */
  readonly numbered?: boolean;
  /** What a relative `out` starts from. */
  readonly cwd: string;
  /** Replace the run at `out`, finished or not; a folder that is not a run is never replaced. */
  readonly overwrite?: boolean;
  /** Gets a line when an unfinished run is dropped. */
  readonly onNotice?: (message: string) => void;
}

/** Where a run that has a name goes, or the first one that is free of its number and those after it. */
interface Place {
  readonly path: string;
  readonly number?: number;
}

/**
 * A run folder in the making: files are written beside the final place and appear there in one rename, so
 * that a run is whole or absent, whatever stops the process.
 */
export class RunWriter {
  /** Where the run is to be. */
  readonly target: string;
  /** Where files go until `commit`. */
  readonly staging: string;
  readonly #place: Place;
  readonly #overwrite: boolean;
  #isSaved = false;
  #checkpoint?: { readonly folder: string; readonly manifest: RunManifest };

  private constructor(place: Place, overwrite: boolean) {
    this.#place = place;
    this.#overwrite = overwrite;
    this.target = numbered(place);
    this.staging = nameBeside(this.target, 'partial');
  }

  /**
   * Makes the staging folder, so that a place that cannot be written to fails before any work is done.
   *
   * @throws UsageError when a run exists, finished or not, and `overwrite` is not set, or the folder is not a run
   * @throws CheckpointError when the place cannot be written to
   */
  static async create(wanted: RunTarget): Promise<RunWriter> {
    const { out, numbered: isNumbered, cwd, overwrite = false, onNotice = () => {} } = wanted;
    const path = resolve(cwd, out);
    const place = isNumbered ? await firstFree(path) : { path: placeOf(path) };
    const target = numbered(place);
    await putBack(target);
    const unfinished = await findUnfinished(target);
    if (unfinished && !overwrite) throw unfinishedError(unfinished, isNumbered ? relative(cwd, target) : out);
    if (!isNumbered) await refuseDeadLink(target, out);
    if (!isNumbered && existsSync(target)) {
      await refuseTaken(target, out, overwrite);
      await withFileErrors(CheckpointError, target, 'written', () => tryMove(target));
    }
    if (unfinished) onNotice(`note: ${nameOf(unfinished, out)}; it is deleted`);
    await clearLeft(target);
    const writer = new RunWriter(place, overwrite);
    await withFileErrors(CheckpointError, target, 'created', () => ensureDir(writer.staging));
    return writer;
  }

  /** The path of a file or folder of the run while it is being written. */
  path(...parts: string[]): string {
    return join(this.staging, ...parts);
  }

  /** Whether the whole run is saved, in its place or in the staging folder. */
  get isSaved(): boolean {
    return this.#isSaved;
  }

  /** The last checkpoint, until there is a commit. */
  get checkpoint(): RunManifest | undefined {
    return this.#checkpoint?.manifest;
  }

  /**
   * Saves the run as it is so far beside its place, where `unfinishedAt` finds it should there be no commit. The last
   * checkpoint stays until the new one is whole.
   *
   * @param write puts all files but `run.json` into a folder
   * @throws CheckpointError when the folder cannot be written to
   */
  async saveCheckpoint(manifest: RunManifest, write: (folder: string) => Promise<void>): Promise<void> {
    const folder = nameBeside(this.target, 'partial');
    try {
      await withFileErrors(CheckpointError, folder, 'created', () => ensureDir(folder));
      await write(folder);
      await writeJson(join(folder, 'run.json'), manifest);
    } catch (error) {
      await removeBeside(folder);
      throw error;
    }
    const last = this.#checkpoint;
    this.#checkpoint = { folder, manifest };
    if (last) await removeBeside(last.folder);
  }

  /**
   * Writes `run.json` and moves the run to its place. Returns the run's folder.
   *
   * @throws CheckpointError if another process has taken the place, or the run cannot be moved there; the message says
   *   where the run is kept
   */
  async commit(manifest: RunManifest): Promise<string> {
    await writeJson(this.path('run.json'), manifest);
    this.#isSaved = true;
    const folder = await this.#moveToPlace();
    if (this.#checkpoint) await removeBeside(this.#checkpoint.folder);
    this.#checkpoint = undefined;
    if (folder === this.target || this.#place.number !== undefined) return folder;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${this.target}: was made by another process meanwhile; the new run is kept in ${folder}`,
    );
  }

  /** Removes what was written, except for the last checkpoint and a whole run that could not be moved to its place. */
  async discard(): Promise<void> {
    if (this.#isSaved) giveUp(this.staging);
    else await removeBeside(this.staging);
    if (this.#checkpoint) giveUp(this.#checkpoint.folder);
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

/** The first number that no run has and no process is about to give one. */
async function firstFree(path: string): Promise<Place> {
  for (let number = 1; ; number++) {
    const folder = numbered({ path, number });
    if (existsSync(folder)) continue;
    const beside = await foldersBeside(folder);
    if (!beside.some(({ kind, inUse }) => inUse || kind === 'replaced')) return { path, number };
  }
}

function unfinishedError(unfinished: Unfinished, out: string): UsageError {
  return new UsageError('unfinished-run', `${nameOf(unfinished, out)}; resume it or replace it`);
}

function nameOf({ command, training }: Unfinished, out: string): string {
  return `${out}: an unfinished ${command} is there (last checkpoint at step ${training.stepsDone} of ${training.steps})`;
}

async function refuseTaken(target: string, out: string, overwrite: boolean): Promise<void> {
  const entries = await withFileErrors(CheckpointError, target, 'read', () => readdir(target));
  if (entries.length === 0) return;
  if (!entries.includes('run.json')) {
    throw new UsageError(
      'not-a-run',
      `${out}: the folder holds files that are not a run; choose another folder`,
    );
  }
  if (!overwrite) throw new UsageError('already-exists', `${out}: a run is already there`);
}

/** A run cannot be moved to the place of a link that leads nowhere, or to itself. */
async function refuseDeadLink(target: string, out: string): Promise<void> {
  const link = await readlink(target).catch(() => undefined);
  if (link === undefined || existsSync(target)) return;
  throw new CheckpointError(
    'file-unwritable',
    `${out}: a link to ${link}, which does not exist; remove the link or choose another folder`,
  );
}

/** Moves a folder aside and back: it is to be replaced after the work, which fails for a mount point, for example. */
async function tryMove(target: string): Promise<void> {
  const aside = nameBeside(target, 'replaced');
  try {
    await rename(target, aside);
    await rename(aside, target);
  } finally {
    giveUp(aside);
  }
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
