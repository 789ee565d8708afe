import { extname } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { ReportFormat } from '../../report/index.ts';
import { choicesOf } from './parsers.ts';
import { optionGroup, shared, under } from './shared.ts';

const FORMATS = choicesOf<ReportFormat>({ text: true, json: true, markdown: true, junit: true, html: true });

/** The format of a report by the extension of its file. */
const FORMAT_BY_EXTENSION: Readonly<Record<string, ReportFormat>> = {
  '.txt': 'text',
  '.json': 'json',
  '.md': 'markdown',
  '.xml': 'junit',
  '.html': 'html',
};

/** Values of the options that `addReportOptions` adds. */
export type ReportOptions = {
  readonly format: ReportFormat;
  readonly json?: boolean;
  readonly report?: readonly string[];
};

/** Adds options for the format of the report on stdout, and for files that it is also written to. `--json` is short for `--format json`. */
export const addReportOptions = optionGroup<ReportOptions>(() =>
  under('Report:', [
    new Option('--format <name>', 'format of the report on stdout').choices(FORMATS).default('text'),
    shared.json().conflicts('format'),
    new Option(
      '--report <file>',
      'also write the report to this file: .txt, .json, .md, .xml (JUnit) or .html; repeatable, or files separated by commas',
    ).argParser(reportFiles),
  ]),
);

/** Returns the format of a file of `--report` by its extension, which `reportFiles` has checked. */
export function formatOf(file: string): ReportFormat {
  return FORMAT_BY_EXTENSION[extname(file)]!;
}

/** Whether the report is printed or written as HTML, the only format that shows images. */
export function wantsHtml({ format, json, report = [] }: ReportOptions): boolean {
  return (format === 'html' && !json) || report.some((file) => formatOf(file) === 'html');
}

/** Parses files separated by commas, and adds them to those of earlier `--report` options. */
function reportFiles(text: string, previous: readonly string[] = []): string[] {
  const files = text.split(',').map((file) => file.trim());
  for (const file of files) {
    if (extname(file) in FORMAT_BY_EXTENSION) continue;
    throw new InvalidArgumentError(`It must end in ${Object.keys(FORMAT_BY_EXTENSION).join(', ')}.`);
  }
  return [...previous, ...files];
}
