import { appendFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFileAtomic } from '../files/index.ts';
import { githubAnnotations, type RenderOptions, type Report, renderReport } from '../report/index.ts';
import type { CliContext } from './context.ts';
import { formatOf, type ReportOptions } from './options/report.ts';

/**
 * Prints a report, writes the files of `--report`, and on GitHub adds annotations and a job summary. Gates are
 * enforced by the caller afterwards, so that everything is written first.
 */
export async function publishReport(
  report: Report,
  options: ReportOptions,
  context: CliContext,
  details: RenderOptions = {},
): Promise<void> {
  for (const file of options.report ?? []) {
    const path = resolve(context.cwd, file);
    const text = await renderReport(report, formatOf(file), details);
    await withFileErrors(CheckpointError, path, 'written', async () => {
      await ensureDir(dirname(path));
      await writeFileAtomic(path, `${text}\n`);
    });
  }
  const format = options.json ? 'json' : options.format;
  context.print(await renderReport(report, format, { ...details, color: context.color }));
  if (context.env.GITHUB_ACTIONS !== 'true') return;
  for (const line of githubAnnotations(report)) context.annotate(line);
  const summary = context.env.GITHUB_STEP_SUMMARY;
  if (!summary) return;
  const markdown = await renderReport(report, 'markdown');
  await withFileErrors(CheckpointError, summary, 'written', () => appendFile(summary, `${markdown}\n\n`));
}
