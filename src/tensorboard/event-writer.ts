import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { ensureDir, withFileErrors } from '../files/index.ts';
import { resumeEvent, scalarEvent, versionEvent } from './event.ts';
import { encodeRecord } from './record.ts';

/** Values of one step, by tag: `loss`, `learning_rate`, `accuracy/3`. A slash groups tags under one heading. */
export interface ScalarPoint {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** An event file that TensorBoard shows while it grows. */
export interface EventWriter {
  readonly path: string;
  /** Appends the points at once. */
  write(points: readonly ScalarPoint[]): Promise<void>;
  close(): Promise<void>;
}

/** How a file goes on from others, and what to do when the disk fails. */
export interface EventWriterOptions {
  /** Set when a run goes on: what earlier files in the folder say from this step on is void. */
  readonly resumedAt?: number;
  /**
   * Called once when points cannot be written any more (a full disk, say); later ones are dropped then, so that
   * a long training does not end for its log. Without it `write` throws.
   */
  readonly onFailure?: (error: UsageError) => void;
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Starts an event file of its own in a folder, which is made when it is not there; TensorBoard reads all of a
 * folder as one run.
 *
 * @throws UsageError when the folder or the file cannot be written
 */
export async function createEventWriter(
  directory: string,
  { resumedAt, onFailure, now = Date.now }: EventWriterOptions = {},
): Promise<EventWriter> {
  const { path, file } = await inFolder(directory, async () => {
    await ensureDir(directory);
    return await openNew(directory, Math.floor(now() / 1000));
  });
  const append = (events: readonly Uint8Array[]) =>
    inFolder(path, () => file.appendFile(Buffer.concat(events.map(encodeRecord))));
  const seconds = () => now() / 1000;
  await append([
    versionEvent(seconds()),
    ...(resumedAt === undefined ? [] : [resumeEvent(seconds(), resumedAt)]),
  ]);
  let failed = false;
  return {
    path,
    async write(points) {
      if (failed) return;
      try {
        await append(points.map(({ step, values }) => scalarEvent(seconds(), step, values)));
      } catch (error) {
        if (!onFailure || !(error instanceof UsageError)) throw error;
        failed = true;
        onFailure(error);
      }
    },
    close: () => file.close(),
  };
}

/** TensorBoard takes every file with `tfevents` in its name, and orders a run's files by name. */
async function openNew(directory: string, startSeconds: number): Promise<{ path: string; file: FileHandle }> {
  for (let number = 0; ; number++) {
    const path = join(directory, `events.out.tfevents.${startSeconds}.${process.pid}.${number}.tfjs-lora`);
    try {
      return { path, file: await open(path, 'ax') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** A folder that cannot be written to is a mistake of the command line, where it was named. */
async function inFolder<T>(path: string, operation: () => Promise<T>): Promise<T> {
  return await withFileErrors(UsageError, `--tensorboard ${path}`, 'written', operation);
}
