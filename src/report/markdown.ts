import type { Change, Comparison } from '../metrics/index.ts';
import { formatCount, formatPercent, formatPoints, formatPValue, formatSigned } from '../text/index.ts';
import type { Report } from './report.ts';
import { resultsOf } from './results.ts';
import type { EvaluationResults, Results } from './schema.ts';
import {
  type ClassWord,
  changeFigures,
  classWord,
  formatInterval,
  guardLines,
  settings,
  title,
} from './wording.ts';

/** A report as GitHub-flavoured Markdown, such as for a job summary. */
export function renderMarkdown(report: Report): string {
  const results = resultsOf(report);
  const word = classWord(report.evaluation.classNames);
  const parts = [`## ${escapeMarkdown(title(report.run))}`, escapeMarkdown(settings(report))];
  if (report.baseline && results.comparison) {
    parts.push(
      `Before: ${escapeMarkdown(report.baseline.name)}. After: ${escapeMarkdown(report.evaluation.name)}.`,
    );
    parts.push(comparisonTable(word, results.comparison));
    parts.push('\\* significant: exact McNemar test, Holm-corrected over the classes, p < 0.05.');
    if (results.comparison.topConfusionChanges.length > 0) parts.push(confusionsTable(results.comparison));
  } else {
    parts.push(evaluationTable(word, results.evaluation));
  }
  parts.push(averagesTable(results));
  if (report.guard) {
    parts.push(
      guardLines(report)
        .map((line) => `- ${escapeMarkdown(line)}`)
        .join('\n'),
    );
  }
  if (report.gates?.length) parts.push(gatesTable(report));
  return `${parts.join('\n\n')}\n`;
}

function evaluationTable(word: ClassWord, { classes, total }: EvaluationResults): string {
  const header = [word, 'examples', 'wrong', 'accuracy %', '95 % interval', 'precision %', 'F1 %'];
  const classRows = classes.map((metrics) => [
    escapeMarkdown(metrics.className),
    formatCount(metrics.support),
    formatCount(metrics.errors),
    formatPercent(metrics.accuracy),
    formatInterval(metrics.interval, ' to '),
    formatPercent(metrics.precision),
    formatPercent(metrics.f1),
  ]);
  const totalRow = [
    'total',
    formatCount(total.support),
    formatCount(total.errors),
    formatPercent(total.accuracy),
    formatInterval(total.interval, ' to '),
    '',
    '',
  ];
  return table(header, [...classRows, totalRow.map(bold)]);
}

function comparisonTable(word: ClassWord, { classes, target, other, total }: Comparison): string {
  const header = [
    word,
    'target',
    'examples',
    'wrong before',
    'after',
    'change',
    'fixed',
    'broken',
    'accuracy % before',
    'after',
    'change',
    'p',
  ];
  const classRows = classes.map((change) => [
    escapeMarkdown(change.className),
    change.isTarget ? 'yes' : 'no',
    ...changeCells(change),
  ]);
  const sumRow = (name: string, change: Change) => [name, '', ...changeCells(change)].map(bold);
  const sumRows = [
    ...(target ? [sumRow('target', target)] : []),
    ...(other ? [sumRow('other', other)] : []),
    sumRow('total', total),
  ];
  return table(header, [...classRows, ...sumRows], 2);
}

function changeCells(change: Change): string[] {
  const { before, gain, pValue, significant } = change;
  return [
    formatCount(before.support),
    ...changeFigures(change),
    formatPoints(gain),
    `${formatPValue(pValue)}${significant ? ' \\*' : ''}`,
  ];
}

function confusionsTable({ topConfusionChanges }: Comparison): string {
  const rows = topConfusionChanges.map(({ truth, predicted, before, after }) => [
    `${escapeMarkdown(truth)} predicted as ${escapeMarkdown(predicted)}`,
    formatCount(before),
    formatCount(after),
    formatSigned(after - before),
  ]);
  return table(['confusion', 'before', 'after', 'change'], rows);
}

function averagesTable({ evaluation, baseline }: Results): string {
  const rows: [string, (results: EvaluationResults) => string][] = [
    ['loss', ({ loss }) => loss.toFixed(4)],
    ['macro precision %', ({ macro }) => formatPercent(macro.precision)],
    ['macro recall %', ({ macro }) => formatPercent(macro.recall)],
    ['macro F1 %', ({ macro }) => formatPercent(macro.f1)],
    ['weighted F1 %', ({ weighted }) => formatPercent(weighted.f1)],
    ['calibration error %', ({ calibrationError }) => formatPercent(calibrationError)],
  ];
  const columns = baseline ? [baseline, evaluation] : [evaluation];
  const header = baseline ? ['average', 'before', 'after'] : ['average', 'value'];
  return table(
    header,
    rows.map(([name, format]) => [name, ...columns.map(format)]),
  );
}

function gatesTable({ gates = [] }: Report): string {
  return table(
    ['gate', 'met', 'measured'],
    gates.map(({ gate, passed, message }) => [
      escapeMarkdown(gate),
      passed ? 'yes' : '**no**',
      escapeMarkdown(message),
    ]),
    3,
  );
}

/** A Markdown table. The first `textColumns` columns are aligned left, the others (numbers) right. */
function table(header: readonly string[], rows: readonly (readonly string[])[], textColumns = 1): string {
  const alignments = header.map((_, column) => (column < textColumns ? ':--' : '--:'));
  return [header, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function bold(text: string): string {
  return text === '' ? '' : `**${text}**`;
}

/** Escapes what Markdown or HTML would interpret. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~]/g, '\\$&').replace(/[\r\n]+/g, ' ');
}
