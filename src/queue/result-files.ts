import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';
import { type RunManifest, RunWriter, readManifest } from '../runs/index.ts';
import {
  parseTrial,
  saveTrial,
  type TrialRecord,
  type TrialSpec,
  trialFolder,
  trialId,
} from '../trials/index.ts';
import type { LocalBase } from './base-files.ts';
import { chunkKeys, digestOf, readChunks, storeChunks } from './chunks.ts';
import type { Connection } from './connection.ts';
import { InvalidDocument, type QueuedSweep, RESULT_FILES, type StoredResult } from './documents.ts';
import { resultKey } from './keys.ts';

/** A place for a result in the queue. */
export interface ResultPlace {
  readonly sweep: string;
  /** 16 hexadecimal digits that no other result has. */
  readonly upload: string;
}

/**
 * Stores the run folder of a trial. Files that the base has as well are not stored.
 *
 * @param out folder of the sweep on this machine
 * @throws CheckpointError if a file cannot be read
 */
export async function storeResult(
  connection: Connection,
  { sweep, upload }: ResultPlace,
  {
    out,
    record,
    base,
  }: { readonly out: string; readonly record: TrialRecord; readonly base: QueuedSweep['base'] },
): Promise<StoredResult> {
  const folder = trialFolder(out, record.id);
  const files: StoredResult['files'] = [];
  for (const name of RESULT_FILES) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const stored = await withFileErrors(CheckpointError, path, 'read', () => readFile(path));
    const content = name === 'run.json' ? withoutFolder(stored) : stored;
    const file = { name, bytes: content.byteLength, sha256: digestOf(content) };
    if (!isOfBase(base, file))
      await storeChunks(connection, resultKey(connection, sweep, upload, file.sha256), content);
    files.push(file);
  }
  return { upload, record: { ...record }, files };
}

/** Deletes the stored files of a result. */
export async function deleteResult(
  connection: Connection,
  sweep: string,
  { upload, files }: StoredResult,
): Promise<void> {
  const keys = files.flatMap(({ bytes, sha256 }) =>
    chunkKeys(resultKey(connection, sweep, upload, sha256), bytes),
  );
  if (keys.length > 0) await connection.redis.unlink(...keys);
}

/** Where results become run folders. */
export interface ResultTarget {
  readonly sweep: string;
  /** Folder of the sweep. */
  readonly out: string;
  /** Folder of the base's run. */
  readonly run: string;
  readonly base: LocalBase;
  readonly classes: number;
}

/**
 * Reads the result of a trial and puts its run folder and its record into place, as the trial would on this machine.
 *
 * @throws QueueError if the result is not one of the trial, or a file is missing, damaged or too large
 * @throws CheckpointError if a file is not that of a run, or cannot be written
 */
export async function fetchResult(
  connection: Connection,
  spec: TrialSpec,
  result: StoredResult,
  { sweep, out, run, base, classes }: ResultTarget,
): Promise<TrialRecord> {
  const record = requireRecord(spec, result, classes);
  const folder = trialFolder(out, record.id);
  const writer = await RunWriter.create({ out: folder, cwd: out, overwrite: true });
  try {
    for (const file of result.files) {
      const content = isOfBase(base.description, file)
        ? base.contents.get(file.name as 'model/model.json')!
        : await readChunks(connection, resultKey(connection, sweep, result.upload, file.sha256), file);
      const path = writer.path(file.name);
      await withFileErrors(CheckpointError, folder, 'written', () =>
        writeFileAtomic(path, content, { parents: true }),
      );
    }
    await writer.commit(await requireManifest(writer, spec, run));
  } finally {
    await writer.discard();
  }
  // The record as it arrived, with the keys in the order of a local one.
  await saveTrial(out, result.record as unknown as TrialRecord);
  return record;
}

/** Checks that a record is one of the trial. */
function requireRecord(spec: TrialSpec, { record: content }: StoredResult, classes: number): TrialRecord {
  const record = orInvalid(() => parseTrial('result', content));
  const id = trialId(spec);
  if (record.id !== id || trialId(record.spec) !== id) throw new InvalidDocument('result: of another trial');
  const { status, result, reason } = record;
  const isConsistent = status === 'complete' ? result !== undefined : reason !== undefined;
  if (!isConsistent || (result && result.classes.length !== classes)) {
    throw new InvalidDocument(`result: does not fit its status or the ${classes} classes`);
  }
  return record;
}

/** The manifest of a received run, which names the base of this machine. */
async function requireManifest(writer: RunWriter, spec: TrialSpec, run: string): Promise<RunManifest> {
  const path = writer.path('run.json');
  if (!existsSync(path) || (await stat(path)).size > MAX_MANIFEST_BYTES) {
    throw new InvalidDocument('result: has no run.json, or a very large one');
  }
  const { status, contentHash, adapter } = await readManifest(writer.staging).catch(toInvalid);
  if (status !== 'complete' || contentHash !== spec.base || !adapter) {
    throw new InvalidDocument('result: run.json does not fit the trial');
  }
  // Parsed again, because the checked manifest has its keys in another order than a local one.
  const manifest = JSON.parse(await readFile(path, 'utf8')) as RunManifest;
  return { ...manifest, derivedFrom: { folder: run, contentHash } };
}

function orInvalid<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    return toInvalid(error);
  }
}

/** Damage of a received file is not damage of a file on this machine. */
function toInvalid(error: unknown): never {
  if (!(error instanceof CheckpointError)) throw error;
  throw new InvalidDocument(`result: ${error.message}`);
}

const MAX_MANIFEST_BYTES = 2 ** 20;

/** `run.json` without the path of the base. */
function withoutFolder(content: Buffer): Buffer {
  const manifest = JSON.parse(content.toString()) as RunManifest;
  if (manifest.derivedFrom) manifest.derivedFrom = { ...manifest.derivedFrom, folder: '' };
  return Buffer.from(JSON.stringify(manifest));
}

function isOfBase({ files }: QueuedSweep['base'], { name, sha256 }: StoredResult['files'][number]): boolean {
  return files.some((file) => file.name === name && file.sha256 === sha256);
}
