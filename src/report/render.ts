import type { ImageDataset } from '../data/index.ts';
import type { Report } from './report.ts';

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
 * @example
 * await writeFile('report.html', await renderReport(report, 'html', { images: testSet }));
 */
export async function renderReport(
  report: Report,
  format: ReportFormat,
  { color, images }: RenderOptions = {},
): Promise<string> {
  switch (format) {
    case 'text':
      return (await import('./text.ts')).renderText(report, { color });
    case 'json':
      return (await import('./report-json.ts')).renderJson(report).trimEnd();
    case 'markdown':
      return (await import('./markdown.ts')).renderMarkdown(report).trimEnd();
    case 'junit':
      return (await import('./junit.ts')).renderJunit(report).trimEnd();
    case 'html':
      return (await import('./html/page.ts')).renderHtml(report, { images }).trimEnd();
  }
}
