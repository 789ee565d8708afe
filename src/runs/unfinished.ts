import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { readJson, withFileErrors } from '../files/index.ts';
import { foldersBeside, giveUp, nameBeside, placeOf, removeBeside } from './beside.ts';
import { parseManifest, type RunManifest } from './manifest.ts';

/** A training whose process ended before it could put the run in its place: its last checkpoint. */
export interface Unfinished {
  readonly folder: string;
  readonly training: NonNullable<RunManifest['training']>;
  readonly command: string;
}

/**
 * Finds the newest unfinished training of a run. Where a run is in the place it has to be older, and one that the
 * training was to replace.
 *
 * @throws CheckpointError when a manifest cannot be read
 */
export async function findUnfinished(target: string): Promise<Unfinished | undefined> {
  const madeAtMs = await madeAt(target);
  let newest: { folder: string; manifest: RunManifest } | undefined;
  for (const { path: folder, kind, inUse } of await foldersBeside(target)) {
    const path = join(folder, 'run.json');
    if (kind !== 'partial' || inUse || !existsSync(path)) continue;
    const manifest = parseManifest(path, await readJson(path));
    if (!manifest.training || !mayReplace(manifest, madeAtMs)) continue;
    if (!newest || manifest.createdAt > newest.manifest.createdAt) newest = { folder, manifest };
  }
  if (!newest) return undefined;
  const { training, command } = newest.manifest;
  return { folder: newest.folder, training: training!, command };
}

/**
 * Finds the unfinished training of a run as `findUnfinished` does, for one who is to go on with it.
 *
 * @throws UsageError when there is nothing but what a process is still at work on
 */
export async function unfinishedAt(path: string): Promise<Unfinished | undefined> {
  const target = placeOf(path);
  await putBack(target);
  const unfinished = await findUnfinished(target);
  if (unfinished || existsSync(target)) return unfinished;
  const busy = (await foldersBeside(target)).find(({ inUse }) => inUse);
  if (!busy) return undefined;
  throw new UsageError(
    'invalid-argument',
    `${busy.path}: its process is still at work; wait for it, or stop it first`,
  );
}

/** Puts the unfinished training of a run in the run's place, where it is an ordinary stopped run. */
export async function takeUp(path: string, { folder }: Unfinished): Promise<void> {
  const target = placeOf(path);
  await withFileErrors(CheckpointError, target, 'written', () =>
    existsSync(target) ? replaceRun(target, folder) : rename(folder, target),
  );
}

/** Puts a folder in the place of a run, which stays where that fails. */
export async function replaceRun(target: string, folder: string): Promise<void> {
  const old = nameBeside(target, 'replaced');
  await rename(target, old);
  try {
    await rename(folder, target);
  } catch (error) {
    await rename(old, target);
    giveUp(old);
    throw error;
  }
  await removeBeside(old);
}

/** Puts a run back that a process was just replacing when it ended; what is left of one that was being removed is none. */
export async function putBack(target: string): Promise<void> {
  for (const { path, kind, inUse } of await foldersBeside(target)) {
    if (kind !== 'replaced' || inUse || existsSync(target)) continue;
    if (!existsSync(join(path, 'run.json'))) continue;
    await withFileErrors(CheckpointError, target, 'written', () => rename(path, target));
  }
}

/** Removes what processes that are gone left of the same run. */
export async function clearLeft(target: string): Promise<void> {
  for (const { path, inUse } of await foldersBeside(target)) {
    if (!inUse) await removeBeside(path);
  }
}

/** When the run in a place was made, in ms; what is there and is no run that can be read is never older than another. */
async function madeAt(target: string): Promise<number> {
  if (!existsSync(target)) return NOTHING;
  const path = join(target, 'run.json');
  try {
    if ((await readdir(target)).length === 0) return NOTHING;
    return Date.parse(parseManifest(path, await readJson(path)).createdAt);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

const NOTHING = Number.NEGATIVE_INFINITY;

function mayReplace({ options, createdAt }: RunManifest, madeAtMs: number): boolean {
  if (madeAtMs === NOTHING) return true;
  return (options.overwrite === true || options.resume === true) && Date.parse(createdAt) > madeAtMs;
}
