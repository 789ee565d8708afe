import { checkOptions, wrongArgument } from '../arguments.ts';
import { type ImageDataset, requireDataset } from '../data/index.ts';
import { escapeControls, shorten } from '../text/index.ts';
import { type Report, requireReport } from './report.ts';

/** The formats a report can be rendered in. */
export const REPORT_FORMATS = ['text', 'json', 'markdown', 'junit', 'html'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** Options that some formats use. */
export interface RenderOptions {
  /** Whether text has colours. Default: false. */
  readonly color?: boolean;
  /** The evaluated images, for the worst mistakes in HTML. */
  readonly images?: ImageDataset;
}

/**
 * Renders a report, without a line break at its end. Loads only the modules that the format needs.
 *
 * @throws UsageError if an argument is not what its type says
 * @example
 * await writeFile('report.html', await renderReport(report, 'html', { images: testSet }));
 */
export async function renderReport(
  report: Report,
  format: ReportFormat,
  options: RenderOptions = {},
): Promise<string> {
  requireReport(report);
  if (!REPORT_FORMATS.includes(format))
    throw wrongArgument('format', `one of ${REPORT_FORMATS.join(', ')}`, format);
  checkOptions(options, { color: 'boolean?' });
  const { color, images } = options;
  if (images !== undefined) requireDataset('images', images);
  if (format === 'json') return (await import('./report-json.ts')).renderJson(report).trimEnd();
  const shown = withPrintableText(report);
  switch (format) {
    case 'text':
      return (await import('./text.ts')).renderText(shown, { color });
    case 'markdown':
      return (await import('./markdown.ts')).renderMarkdown(shown).trimEnd();
    case 'junit':
      return (await import('./junit.ts')).renderJunit(report).trimEnd();
    case 'html':
      return (await import('./html/page.ts')).renderHtml(shown, { images }).trimEnd();
  }
}

/** Longest name or message in a report, in characters. */
const MAX_TEXT = 2000;

/** A copy in which all text is printable and of limited length; names come from files. Typed arrays are shared. */
function withPrintableText<T>(value: T): T {
  const convert = (part: unknown): unknown => {
    if (typeof part === 'string') return escapeControls(shorten(part, MAX_TEXT));
    if (Array.isArray(part)) return part.map(convert);
    if (typeof part !== 'object' || part === null || ArrayBuffer.isView(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, convert(entry)]));
  };
  return convert(value) as T;
}
