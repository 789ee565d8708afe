import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { readJson, renameDurably, withFileErrors } from '../files/index.ts';
import { parseManifest, type RunManifest } from './manifest.ts';
import {
  newStagingFolder,
  realTarget,
  release,
  removeStagingFolder,
  stagingFolders,
} from './staging-folders.ts';

/** The last checkpoint of a training whose process ended before it saved the run. */
export interface Unfinished {
  readonly folder: string;
  readonly training: NonNullable<RunManifest['training']>;
  readonly command: string;
}

/**
 * Finds the newest unfinished training of a run. If the target exists, it must be an older run that the training was to
 * replace.
 *
 * @throws CheckpointError if a manifest cannot be read
 */
export async function findUnfinished(target: string): Promise<Unfinished | undefined> {
  const targetMs = await createdAtMs(target);
  let newest: { folder: string; manifest: RunManifest } | undefined;
  for (const { path: folder, kind, inUse } of await stagingFolders(target)) {
    const path = join(folder, 'run.json');
    if (kind !== 'partial' || inUse || !existsSync(path)) continue;
    const manifest = parseManifest(path, await readJson(path));
    if (!manifest.training || !mayReplace(manifest, targetMs)) continue;
    if (!newest || manifest.createdAt > newest.manifest.createdAt) newest = { folder, manifest };
  }
  if (!newest) return undefined;
  const { training, command } = newest.manifest;
  return { folder: newest.folder, training: training!, command };
}

/**
 * Like `findUnfinished`, for resuming it.
 *
 * @throws UsageError if another process is still writing the run
 */
export async function unfinishedAt(path: string): Promise<Unfinished | undefined> {
  const target = realTarget(path);
  await requireUnused(target);
  await restoreReplaced(target);
  return await findUnfinished(target);
}

/**
 * Checks that no other process is writing a run.
 *
 * @throws UsageError naming the staging folder
 */
export async function requireUnused(target: string): Promise<void> {
  const busy = (await stagingFolders(target)).find(({ inUse }) => inUse);
  if (!busy) return;
  throw new UsageError(
    'run-in-use',
    `${target}: process ${busy.pid} is writing this run (${basename(busy.path)}); wait for it or stop it first`,
  );
}

/** Moves an unfinished training to the target, where it is an ordinary run. Removes older checkpoints of it. */
export async function moveIntoPlace(path: string, { folder }: Unfinished): Promise<void> {
  const target = realTarget(path);
  await withFileErrors(CheckpointError, target, 'written', () =>
    existsSync(target) ? replaceRun(target, folder) : renameDurably(folder, target),
  );
  await removeLeftovers(target);
}

/** Replaces a run by a folder. If that fails, the run stays. */
export async function replaceRun(target: string, folder: string): Promise<void> {
  const old = newStagingFolder(target, 'replaced');
  await rename(target, old);
  try {
    await renameDurably(folder, target);
  } catch (error) {
    await rename(old, target);
    release(old);
    throw error;
  }
  await removeStagingFolder(old);
}

/** Restores a run whose replacement was interrupted. Ignores partly deleted runs. */
export async function restoreReplaced(target: string): Promise<void> {
  for (const { path, kind, inUse } of await stagingFolders(target)) {
    if (kind !== 'replaced' || inUse || existsSync(target)) continue;
    if (!existsSync(join(path, 'run.json'))) continue;
    await withFileErrors(CheckpointError, target, 'written', () => rename(path, target));
  }
}

/** Removes the staging folders of processes that have ended. */
export async function removeLeftovers(target: string): Promise<void> {
  for (const { path, inUse } of await stagingFolders(target)) {
    if (!inUse) await removeStagingFolder(path);
  }
}

/**
 * When the run at the target was created, in ms since 1970. Infinity for a folder that is not a readable run, so that it is
 * never replaced.
 */
async function createdAtMs(target: string): Promise<number> {
  if (!existsSync(target)) return NOTHING;
  const path = join(target, 'run.json');
  try {
    if ((await readdir(target)).length === 0) return NOTHING;
    return Date.parse(parseManifest(path, await readJson(path)).createdAt);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The target is missing or an empty folder. */
const NOTHING = Number.NEGATIVE_INFINITY;

function mayReplace({ options, createdAt }: RunManifest, targetMs: number): boolean {
  if (targetMs === NOTHING) return true;
  return (options.overwrite === true || options.resume === true) && Date.parse(createdAt) > targetMs;
}
