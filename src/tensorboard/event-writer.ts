import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { ensureDir, removeEmptyFolders, withFileErrors } from '../files/index.ts';
import { resumeEvent, scalarEvent, versionEvent } from './event.ts';

/**
 * The scalars of one step, by tag: `loss`, `learning_rate`, `accuracy/3`. TensorBoard groups tags by the part before
 * the slash.
 */
export interface ScalarPoint {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Writes one event file. TensorBoard shows the points while the file grows. */
export interface EventWriter {
  readonly path: string;
  /**
   * Appends the points and returns when they are in the file.
   *
   * @throws UsageError if the file cannot be written and no `onFailure` is set
   */
  write(points: readonly ScalarPoint[]): Promise<void>;
  /**
   * Closes the file.
   *
   * @throws UsageError if that fails and no `onFailure` is set
   */
  close(): Promise<void>;
}

/** Options of `createEventWriter`. */
export interface EventWriterOptions {
  /** The step at which a run resumes. TensorBoard drops the values from this step on in earlier files of the folder. */
  readonly resumedAt?: number;
  /**
   * Called on the first failed write, for example on a full disk. Later points are dropped silently, so that a long
   * training is not stopped by its log. Without it, `write` and `close` throw.
   */
  readonly onFailure?: (error: UsageError) => void;
  /** The current time in milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

/**
 * Creates an event file for TensorBoard in `directory`, and the folder if it does not exist. TensorBoard shows all
 * files of one folder as one run.
 *
 * The format is encoded by hand because tfjs has a writer only in its native addon (`tf.node.summaryFileWriter`): it is
 * missing on wasm, and it cannot mark the step at which a run resumes.
 *
 * @throws UsageError if the folder or the file cannot be written
 * @example
 * const writer = await createEventWriter('logs/run1');
 * await writer.write([{ step: 10, values: { loss: 0.5, 'accuracy/3': 0.9 } }]);
 * await writer.close();
 */
export async function createEventWriter(
  directory: string,
  { resumedAt, onFailure, now = Date.now }: EventWriterOptions = {},
): Promise<EventWriter> {
  // The folder is an argument, so a folder that cannot be written is a usage error, not a damaged checkpoint.
  const { path, file, created } = await withFileErrors(UsageError, directory, 'written', async () => ({
    created: await ensureDir(directory),
    ...(await openNew(directory, Math.floor(now() / 1000))),
  }));
  const withWriteErrors = (operation: () => Promise<void>) =>
    withFileErrors(UsageError, path, 'written', operation);
  const append = (events: readonly Uint8Array[]) =>
    withWriteErrors(() => file.appendFile(Buffer.concat(events)));
  const seconds = () => now() / 1000;
  const firstEvents = [versionEvent(seconds())];
  if (resumedAt !== undefined) firstEvents.push(resumeEvent(seconds(), resumedAt));
  try {
    await append(firstEvents);
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    await removeEmptyFolders(directory, created);
    throw error;
  }
  let failed = false;
  const reportFailure = async (operation: () => Promise<void>) => {
    try {
      await operation();
    } catch (error) {
      if (!onFailure || !(error instanceof UsageError)) throw error;
      if (!failed) onFailure(error);
      failed = true;
    }
  };
  return {
    path,
    async write(points) {
      if (failed) return;
      await reportFailure(() =>
        append(points.map(({ step, values }) => scalarEvent(seconds(), step, values))),
      );
    },
    close: () => reportFailure(() => withWriteErrors(() => file.close())),
  };
}

/**
 * Opens a file that does not exist yet. TensorBoard reads every file with `tfevents` in its name, in the order of the
 * names.
 */
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
