import { UsageError } from '../errors.ts';
import { RunWriter } from '../runs/index.ts';
import type { CliContext } from './context.ts';
import type { NewRunOptions } from './options/shared.ts';

/**
 * Reserves the folder of a run before any work is done, so that a folder that cannot be written fails early. What the
 * work does not commit is removed.
 *
 * @param name the run goes to `runs/<name>`, numbered if taken, unless `--out` is set
 */
export async function withNewRun(
  { out, overwrite }: Pick<NewRunOptions, 'out' | 'overwrite'>,
  name: string,
  { cwd, note }: CliContext,
  work: (writer: RunWriter) => Promise<void>,
): Promise<void> {
  if (overwrite && out === undefined) {
    throw new UsageError('invalid-argument', "--overwrite: needs the run's folder; set it with --out");
  }
  const writer = await RunWriter.create({
    out: out ?? `runs/${name}`,
    numbered: out === undefined,
    cwd,
    overwrite,
    onNotice: note,
  });
  try {
    await work(writer);
  } finally {
    await writer.discard();
  }
}
