import type { ImageDataset } from '../data/index.ts';
import type { Report } from './report.ts';

/** What a report can be written as. */
export const REPORT_FORMATS = ['text', 'json', 'markdown', 'junit', 'html'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** What some formats can use. */
export interface RenderOptions {
  /** Colours in text. */
  readonly color?: boolean;
  /** The examples of the report, so that HTML can show the worst mistakes. */
  readonly images?: ImageDataset;
}

/** A report in one of the formats, without a line end at its end. What a format needs loads with it. */
export async function render(
  report: Report,
  format: ReportFormat,
  { color, images }: RenderOptions = {},
): Promise<string> {
  switch (format) {
    case 'text':
      return (await import('./text.ts')).renderText(report, { color });
    case 'json':
      return (await import('./document.ts')).renderJson(report).trimEnd();
    case 'markdown':
      return (await import('./markdown.ts')).renderMarkdown(report).trimEnd();
    case 'junit':
      return (await import('./junit.ts')).renderJunit(report).trimEnd();
    case 'html':
      return (await import('./html/page.ts')).renderHtml(report, { images }).trimEnd();
  }
}
