import picocolors from 'picocolors';
import {
  formatCount,
  formatPercent,
  formatPoints,
  formatPValue,
  plainTable,
  tableText,
} from '../../text/index.ts';
import type { SweepReport } from './sweep-report.ts';
import { accuracyCells, conclusionLines, failureLines, LEGEND, settingLines } from './wording.ts';

/** The report of a sweep as text for a terminal. */
export function renderSweepText(
  report: SweepReport,
  { color = false }: { readonly color?: boolean } = {},
): string {
  const colors = picocolors.createColors(color);
  const table = plainTable(['left', 'left', ...COLUMNS.map(() => 'right' as const)]);
  table.push(['', 'held-out images', ...COLUMNS].map(colors.dim));
  for (const [index, scored] of report.configurations.entries()) {
    const row = [signsOf(report, index), scored.name, ...cellsOf(scored)];
    table.push(index === report.recommended ? row.map(colors.bold) : row);
  }
  const lines = [colors.bold('sweep'), ...settingLines(report), '', tableText(table), ''];
  lines.push(SIGNS, ...LEGEND.map(colors.dim), '');
  if (report.test.length > 0) lines.push(testTable(report, colors.dim), '');
  lines.push(...conclusionLines(report), ...failureLines(report));
  return lines.join('\n');
}

/** Columns that fit into a terminal; the other formats have all. */
const COLUMNS = ['params', 'target', 'other', 'all', '±', 'drop', 'used', 'p'];

function cellsOf(scored: SweepReport['configurations'][number]): string[] {
  const { target, other, total, drop, effectiveRank, trainableParameters, pValue } = scored;
  return [
    formatCount(trainableParameters),
    formatPercent(target.mean),
    other ? formatPercent(other.mean) : '',
    formatPercent(total.mean),
    total.interval ? formatPercent(total.interval[1] - total.mean) : '',
    formatPoints(drop.mean),
    effectiveRank.toFixed(1),
    pValue === null ? '' : formatPValue(pValue),
  ];
}

const SIGNS = '> recommended   * best   + on the Pareto front of gain and drop   ! over the budget';

function signsOf({ best, recommended, configurations }: SweepReport, index: number): string {
  const { onParetoFront, withinBudget } = configurations[index]!;
  return [index === recommended && '>', index === best && '*', onParetoFront && '+', !withinBudget && '!']
    .filter(Boolean)
    .join('');
}

function testTable(report: SweepReport, dim: (text: string) => string): string {
  const table = plainTable(['left', 'right', 'right', 'right', 'right', 'right']);
  table.push(['test set', 'target %', 'other %', 'all %', 'gain', 'drop'].map(dim));
  for (const { name, score } of testRows(report)) table.push([name, ...accuracyCells(score)]);
  return tableText(table);
}

/** The configurations that were evaluated on the test set, each once. */
export function testRows({ test, configurations, recommended, best }: SweepReport) {
  const rows = recommended === best ? test.slice(0, 1) : test;
  return rows.map((score) => ({ name: configurations[score.configuration]!.name, score }));
}
