import type { SweepReport } from './sweep-report.ts';
import { testRows } from './text.ts';
import {
  accuracyCells,
  COLUMNS,
  cellsOf,
  conclusionLines,
  failureLines,
  LEGEND,
  marksOf,
  settingLines,
} from './wording.ts';

/** The report of a sweep as GitHub-flavoured Markdown. */
export function renderSweepMarkdown(report: SweepReport): string {
  const heldOut = table(
    ['configuration', ...COLUMNS, ''],
    report.configurations.map((scored, index) => [scored.name, ...cellsOf(scored), marksOf(report, index)]),
  );
  const test = table(
    ['configuration', 'target %', 'other %', 'all %', 'gain', 'drop'],
    testRows(report).map(({ name, score }) => [name, ...accuracyCells(score)]),
  );
  const parts = [
    '## sweep',
    list(settingLines(report)),
    list(conclusionLines(report)),
    '### Held-out images',
    heldOut,
    ...(report.test.length > 0 ? ['### Test set', test] : []),
    ...(report.failures.length > 0 ? [list(failureLines(report))] : []),
    LEGEND.join(' '),
  ];
  return `${parts.join('\n\n')}\n`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  const alignment = header.map((_, index) => (index === 0 ? '---' : '--:'));
  return [line(header), `| ${alignment.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeMarkdown(line)}`).join('\n');
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#]/g, '\\$&');
}
