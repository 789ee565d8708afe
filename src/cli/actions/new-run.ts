import { UsageError } from '../../errors.ts';
import { RUN_FORMAT_VERSION, type RunManifest, RunWriter } from '../../runs/index.ts';
import type { LoadedTensorFlow } from '../../tensorflow/index.ts';
import type { CliContext } from '../context.ts';
import { displayPath, versionsOf } from '../environment.ts';
import type { TrainingOptions } from '../options/training.ts';

/**
 * Makes the folder of a run, so that a place that cannot be written to fails before any work is done. What the work
 * does not commit is removed, except for its last checkpoint.
 *
 * @param name of the folder in `runs/` where `--out` names none
 */
export async function inNewRun(
  { out, overwrite, resume }: Pick<TrainingOptions, 'out' | 'overwrite' | 'resume'>,
  name: string,
  { cwd, note }: CliContext,
  work: (writer: RunWriter) => Promise<void>,
): Promise<void> {
  if ((overwrite || resume) && out === undefined) {
    throw new UsageError('invalid-argument', `--${resume ? 'resume' : 'overwrite'}: name the run with --out`);
  }
  const writer = await RunWriter.create({
    out: out ?? `runs/${name}`,
    numbered: out === undefined,
    cwd,
    overwrite: overwrite || resume,
    onNotice: note,
  });
  try {
    await work(writer);
  } finally {
    await writer.discard();
    const { training } = writer.checkpoint ?? {};
    if (training) {
      const { stepsDone } = training;
      note(
        `the checkpoint of step ${stepsDone} stays; go on with --resume --out ${displayPath(writer.target, cwd)}`,
      );
    }
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
