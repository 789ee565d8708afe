import type { Report } from './report.ts';

export const REPORT_FORMATS = ['text', 'json', 'markdown'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export interface RenderOptions {
  /** Colours in text. */
  readonly color?: boolean;
}

/** A report in one of the formats, without a line end at its end. What a format needs loads with it. */
export async function render(
  report: Report,
  format: ReportFormat,
  { color }: RenderOptions = {},
): Promise<string> {
  switch (format) {
    case 'text':
      return (await import('./text.ts')).renderText(report, { color });
    case 'json':
      return (await import('./document.ts')).renderJson(report).trimEnd();
    case 'markdown':
      return (await import('./markdown.ts')).renderMarkdown(report).trimEnd();
  }
}
