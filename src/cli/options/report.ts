import { appendFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import { CheckpointError } from '../../errors.ts';
import { makeFolder } from '../../files/make-folder.ts';
import { onDisk } from '../../files/on-disk.ts';
import { writeWhole } from '../../files/write-whole.ts';
import type { RenderOptions, ReportFormat } from '../../report/render.ts';
import type { Report } from '../../report/report.ts';
import type { CliContext } from '../context.ts';
import { shared } from './shared.ts';

const FORMATS = ['text', 'json', 'markdown', 'junit', 'html'] as const satisfies readonly ReportFormat[];

/** The format of a report file by its ending. */
const FORMAT_OF: Readonly<Record<string, ReportFormat>> = {
  '.txt': 'text',
  '.json': 'json',
  '.md': 'markdown',
  '.xml': 'junit',
  '.html': 'html',
};

/** What the options of `addReportOptions` give. */
export type ReportOptions = {
  readonly format: ReportFormat;
  readonly json?: boolean;
  readonly report?: readonly string[];
};

/** Adds how a report is printed, and the files it is written to. */
export function addReportOptions<
  Args extends unknown[],
  Options extends OptionValues,
  Globals extends OptionValues,
>(command: Command<Args, Options, Globals>): Command<Args, Options & ReportOptions, Globals> {
  const extended = command
    .addOption(
      new Option('--format <name>', 'how the report is printed').choices(FORMATS).default('text' as const),
    )
    .addOption(shared.json().conflicts('format'))
    .addOption(
      new Option(
        '--report <file>',
        'also write the report there: .txt, .json, .md, .xml (JUnit) or .html; may be repeated',
      ).argParser(reportFiles),
    );
  // Named here, because the inferred type is a nest of one level an option.
  return extended as unknown as Command<Args, Options & ReportOptions, Globals>;
}

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
  const { render } = await import('../../report/render.ts');
  for (const file of options.report ?? []) {
    const path = resolve(context.cwd, file);
    const text = await render(report, FORMAT_OF[extname(file)]!, details);
    await onDisk(CheckpointError, path, 'written', async () => {
      await makeFolder(dirname(path));
      await writeWhole(path, `${text}\n`);
    });
  }
  const format = options.json ? 'json' : options.format;
  context.print(await render(report, format, { ...details, color: context.color }));
  if (context.env.GITHUB_ACTIONS !== 'true') return;
  const { githubAnnotations } = await import('../../report/github.ts');
  for (const line of githubAnnotations(report)) context.annotate(line);
  const summary = context.env.GITHUB_STEP_SUMMARY;
  if (!summary) return;
  const markdown = await render(report, 'markdown');
  await onDisk(CheckpointError, summary, 'written', () => appendFile(summary, `${markdown}\n\n`));
}

/** Whether some output is HTML, which shows images where it gets them. */
export function wantsHtml({ format, json, report = [] }: ReportOptions): boolean {
  return (format === 'html' && !json) || report.some((file) => FORMAT_OF[extname(file)] === 'html');
}

function reportFiles(text: string, previous: readonly string[] = []): string[] {
  const files = text.split(',').map((file) => file.trim());
  for (const file of files) {
    if (extname(file) in FORMAT_OF) continue;
    throw new InvalidArgumentError(`It must end in ${Object.keys(FORMAT_OF).join(', ')}.`);
  }
  return [...previous, ...files];
}
