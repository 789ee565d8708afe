import * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFileAtomic } from '../files/index.ts';
import { type Report, renderReport } from '../report/index.ts';
import {
  RUN_FORMAT_VERSION,
  type RunContent,
  type RunManifest,
  RunWriter,
  saveCheckpoint,
  saveRun,
} from '../runs/index.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import { version } from '../version.ts';
import { displayPath } from './data.ts';
import type { TrainingRecipeOptions } from './options.ts';

type FolderOptions = Pick<
  TrainingRecipeOptions,
  'out' | 'numbered' | 'overwrite' | 'resume' | 'cwd' | 'onNotice'
>;

/**
 * Reserves the folder of a new run before any work is done, so that a folder that cannot be written fails early.
 * What the work does not commit is removed, except for its last checkpoint.
 *
 * @param work gets no writer if `out` is not set
 * @throws UsageError if the folder is taken and may not be replaced
 * @throws CheckpointError if it cannot be written
 */
export async function withRunWriter<T>(
  { out, numbered, overwrite, resume, cwd = process.cwd(), onNotice = () => {} }: FolderOptions,
  work: (writer: RunWriter | undefined) => Promise<T>,
): Promise<T> {
  if (out === undefined) {
    if (overwrite) throw new UsageError('invalid-argument', "overwrite: needs 'out', the folder of the run");
    return await work(undefined);
  }
  const writer = await RunWriter.create({ out, numbered, cwd, overwrite: overwrite || resume, onNotice });
  try {
    return await work(writer);
  } finally {
    await writer.discard();
    const { training } = writer.checkpoint ?? {};
    if (training) {
      const folder = displayPath(writer.target, cwd);
      onNotice(`${folder}: the checkpoint of step ${training.stepsDone} is kept; resume the run to continue`);
    }
  }
}

/**
 * Runs what follows training. If it fails, the training is saved as a checkpoint to resume from, unless that fails as
 * well.
 */
export async function keepTraining<T>(
  writer: RunWriter | undefined,
  content: () => RunContent,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (writer && !writer.isSaved) await saveCheckpoint(writer, content()).catch(() => undefined);
    throw error;
  }
}

/** The first fields of every manifest. */
export function manifestHeader(command: string, tensorflow: LoadedTensorFlow) {
  return {
    format: 'tfjs-lora run',
    formatVersion: RUN_FORMAT_VERSION,
    command,
    createdAt: new Date().toISOString(),
    versions: versionsOf(tensorflow),
  } satisfies Partial<RunManifest>;
}

/** Versions of this library, Node, tfjs and native TensorFlow. */
export function versionsOf({ version: native }: LoadedTensorFlow): Record<string, string> {
  return {
    'tfjs-lora': version,
    node: process.versions.node,
    tfjs: tf.version.tfjs,
    ...(native && { tensorflow: native }),
  };
}

/**
 * Writes a trained run with report.json and report.md.
 *
 * @returns the run's folder
 * @throws CheckpointError if a file cannot be written
 */
export async function saveTrainedRun(
  writer: RunWriter,
  content: RunContent,
  report: Report,
): Promise<string> {
  await writeReport(writer, 'report.json', await renderReport(report, 'json'));
  await writeReport(writer, 'report.md', await renderReport(report, 'markdown'));
  return await saveRun(writer, content);
}

async function writeReport(writer: RunWriter, name: string, text: string): Promise<void> {
  const path = writer.path(name);
  await withFileErrors(CheckpointError, path, 'written', async () => {
    // A process on another host that shares the disk may have removed the folder while it was empty.
    await ensureDir(writer.staging);
    await writeFileAtomic(path, `${text}\n`);
  });
}
