import { CheckpointError, TrainingError } from '../../errors.ts';
import { ensureDir, withFileErrors, writeFileAtomic } from '../../files/index.ts';
import { requireGates } from '../../gates/index.ts';
import type { ImageDataset } from '../../mnist-data-loader/index.ts';
import { type Report, render } from '../../report/index.ts';
import { type RunContent, type RunWriter, saveRun } from '../../runs/index.ts';
import type { CliContext } from '../context.ts';
import { displayPath } from '../environment.ts';
import type { ReportOptions } from '../options/report.ts';
import { publishReport } from './publish-report.ts';

/**
 * Writes the run with its reports, prints the report and where the run is, and only then fails for a training
 * that broke off or a gate that was not met.
 */
export async function publishRun(
  writer: RunWriter,
  {
    report,
    images,
    failure,
    ...content
  }: RunContent & {
    readonly report: Report;
    readonly images: ImageDataset;
    readonly failure?: Error;
  },
  options: ReportOptions,
  context: CliContext,
): Promise<void> {
  for (const [name, format] of [
    ['report.json', 'json'],
    ['report.md', 'markdown'],
  ] as const) {
    const path = writer.path(name);
    const text = await render(report, format);
    await withFileErrors(CheckpointError, path, 'written', async () => {
      // Another host that shares the disk cannot see this process, and may have cleared its folder while it was empty.
      await ensureDir(writer.staging);
      await writeFileAtomic(path, `${text}\n`);
    });
  }
  const run = displayPath(await saveRun(writer, content), context.cwd);
  await publishReport({ ...report, run: { ...report.run, folder: run } }, options, context, { images });
  context.note(`saved in ${run}`);
  if (failure) throw failure;
  const { loss } = report.evaluation;
  if (!Number.isFinite(loss)) {
    throw new TrainingError(
      'training-failed',
      `the loss on the test set is ${loss}; lower the learning rate, or clip the gradients`,
    );
  }
  requireGates(report.gates ?? []);
}
