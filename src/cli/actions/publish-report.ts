import { appendFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { makeFolder } from '../../files/make-folder.ts';
import { onDisk } from '../../files/on-disk.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { githubAnnotations } from '../../report/github.ts';
import { type RenderOptions, render } from '../../report/render.ts';
import type { Report } from '../../report/report.ts';
import type { CliContext } from '../context.ts';
import { formatOf, type ReportOptions } from '../options/report.ts';

/**
 * Prints a report, writes the files of `--report`, and on GitHub adds annotations and the job's summary.
 * Gates are not enforced here, so that everything is written before they are.
 */
export async function publishReport(
  report: Report,
  options: ReportOptions,
  context: CliContext,
  details: RenderOptions = {},
): Promise<void> {
  for (const file of options.report ?? []) {
    const path = resolve(context.cwd, file);
    const text = await render(report, formatOf(file), details);
    await onDisk(CheckpointError, path, 'written', async () => {
      await makeFolder(dirname(path));
      await writeWhole(path, `${text}\n`);
    });
  }
  const format = options.json ? 'json' : options.format;
  context.print(await render(report, format, { ...details, color: context.color }));
  if (context.env.GITHUB_ACTIONS !== 'true') return;
  for (const line of githubAnnotations(report)) context.annotate(line);
  const summary = context.env.GITHUB_STEP_SUMMARY;
  if (!summary) return;
  const markdown = await render(report, 'markdown');
  await onDisk(CheckpointError, summary, 'written', () => appendFile(summary, `${markdown}\n\n`));
}
