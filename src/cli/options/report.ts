import { extname } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { REPORT_FORMATS, type ReportFormat } from '../../report/index.ts';
import { optionGroup, shared } from './shared.ts';

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
export const addReportOptions = optionGroup<ReportOptions>(() => [
  new Option('--format <name>', 'how the report is printed').choices(REPORT_FORMATS).default('text'),
  shared.json().conflicts('format'),
  new Option(
    '--report <file>',
    'also write the report there: .txt, .json, .md, .xml (JUnit) or .html; may be repeated',
  ).argParser(reportFiles),
]);

/** The format of a file of `--report`, by its ending. */
export function formatOf(file: string): ReportFormat {
  return FORMAT_OF[extname(file)]!;
}

/** Whether some output is HTML, which shows images where it gets them. */
export function wantsHtml({ format, json, report = [] }: ReportOptions): boolean {
  return (format === 'html' && !json) || report.some((file) => formatOf(file) === 'html');
}

function reportFiles(text: string, previous: readonly string[] = []): string[] {
  const files = text.split(',').map((file) => file.trim());
  for (const file of files) {
    if (extname(file) in FORMAT_OF) continue;
    throw new InvalidArgumentError(`It must end in ${Object.keys(FORMAT_OF).join(', ')}.`);
  }
  return [...previous, ...files];
}
