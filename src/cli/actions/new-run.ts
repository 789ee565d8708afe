import { RUN_FORMAT_VERSION, type RunManifest, RunWriter } from '../../runs/index.ts';
import type { LoadedTensorFlow } from '../../tensorflow/index.ts';
import type { CliContext } from '../context.ts';
import type { TrainingOptions } from '../options/training.ts';
import { versionsOf } from './session.ts';

/**
 * Makes the folder of a run, so that a place that cannot be written to fails before any work is done. What the work
 * does not commit is removed.
 *
 * @param name of the folder in `runs/` where `--out` names none
 */
export async function inNewRun(
  { out, overwrite, resume }: Pick<TrainingOptions, 'out' | 'overwrite' | 'resume'>,
  name: string,
  { cwd }: CliContext,
  work: (writer: RunWriter) => Promise<void>,
): Promise<void> {
  const writer = await RunWriter.create({ out, name, cwd, overwrite: overwrite || resume });
  try {
    await work(writer);
  } finally {
    await writer.discard();
  }
}

/** What the manifest of every run begins with. */
export function manifestHeader(command: string, tensorflow: LoadedTensorFlow) {
  return {
    format: 'tfjs-lora run',
    formatVersion: RUN_FORMAT_VERSION,
    command,
    createdAt: new Date().toISOString(),
    versions: versionsOf(tensorflow),
  } satisfies Partial<RunManifest>;
}
