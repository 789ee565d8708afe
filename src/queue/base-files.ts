import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic, writeJson } from '../files/index.ts';
import { openRun, type RunManifest, readManifest } from '../runs/index.ts';
import { digestOf, expireChunks, readChunks, storeChunks } from './chunks.ts';
import type { Connection } from './connection.ts';
import { BASE_FILES, MAX_BASE_BYTES, type QueuedSweep } from './documents.ts';
import { baseKey } from './keys.ts';

type BaseFile = QueuedSweep['base']['files'][number];

/** The base of a sweep on the machine of the sweep. */
export interface LocalBase {
  readonly description: QueuedSweep['base'];
  readonly contents: ReadonlyMap<BaseFile['name'], Buffer>;
}

/**
 * Reads the files of a base, and checks that they are those of the model.
 *
 * @param manifest of the base when the sweep began
 * @throws CheckpointError if a file cannot be read, or the base has changed since
 */
export async function readBase(folder: string, manifest: RunManifest): Promise<LocalBase> {
  const contents = new Map<BaseFile['name'], Buffer>();
  for (const name of BASE_FILES) {
    const path = join(folder, name);
    contents.set(name, await withFileErrors(CheckpointError, path, 'read', () => readFile(path)));
  }
  const { base, manifest: current } = await openRun(folder);
  base.dispose();
  const { contentHash } = current;
  if (contentHash !== manifest.contentHash) {
    throw new CheckpointError(
      'base-changed',
      `${folder}: the base changed during the sweep; its content hash is ${contentHash.slice(0, 12)}, not ${manifest.contentHash.slice(0, 12)}`,
    );
  }
  const files = [...contents].map(([name, content]) => ({
    name,
    bytes: content.byteLength,
    sha256: digestOf(content),
  }));
  const isStored = files.reduce((sum, { bytes }) => sum + bytes, 0) <= MAX_BASE_BYTES;
  const description = {
    contentHash: manifest.contentHash,
    isStored,
    files,
    manifest: portableManifest(manifest),
  };
  return { description, contents };
}

/** The part of a manifest that describes the model, without paths. */
function portableManifest(manifest: RunManifest): Record<string, unknown> {
  const { format, formatVersion, command, status, createdAt, seed, versions } = manifest;
  const { contentHash, classNames, normalization, adjust } = manifest;
  const header = { format, formatVersion, command, status, createdAt, options: {}, seed, versions };
  return { ...header, contentHash, classNames, normalization, adjust };
}

/** Stores the files of a base, unless they are stored already. */
export async function storeBase(
  connection: Connection,
  sweep: string,
  { description, contents }: LocalBase,
): Promise<void> {
  if (!description.isStored) return;
  for (const { name, bytes, sha256 } of description.files) {
    const key = baseKey(connection, sweep, sha256);
    if (!(await expireChunks(connection, key, bytes)))
      await storeChunks(connection, key, contents.get(name)!);
  }
}

/**
 * Writes the base of a sweep to a folder, as a run. The model is checked against its content hash when it is opened.
 *
 * @throws QueueError if a file is missing or damaged
 * @throws CheckpointError if the folder cannot be written or is not a run
 */
export async function fetchBase(
  connection: Connection,
  { id, base }: QueuedSweep,
  folder: string,
): Promise<void> {
  for (const file of base.files) {
    const content = await readChunks(connection, baseKey(connection, id, file.sha256), file);
    const path = join(folder, file.name);
    await withFileErrors(CheckpointError, path, 'written', () =>
      writeFileAtomic(path, content, { parents: true }),
    );
  }
  await writeJson(join(folder, 'run.json'), base.manifest);
  await readManifest(folder);
}
