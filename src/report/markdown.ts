import type { Change, Comparison } from '../metrics/index.ts';
import { formatCount, formatPercent, formatPoints, formatPValue, formatSigned } from '../text/index.ts';
import type { Report } from './report.ts';
import { resultsOf } from './results.ts';
import type { EvaluationResults, Results } from './schema.ts';
import { changeFigures, classWord, guardLines, settings, title } from './wording.ts';

/** A report as GitHub-flavoured Markdown, such as a job summary. */
export function renderMarkdown(report: Report): string {
  const results = resultsOf(report);
  const { classNames } = report.evaluation;
  const word = classWord(classNames);
  const parts = [`## ${plain(title(report.run))}`, plain(settings(report))];
  if (report.baseline && results.comparison) {
    parts.push(`Before: ${plain(report.baseline.name)}. After: ${plain(report.evaluation.name)}.`);
    parts.push(comparisonTable(word, results.comparison));
    parts.push('\\* beyond noise: exact McNemar test, Holm-corrected over the classes, p < 0.05.');
    if (results.comparison.topConfusionChanges.length > 0) parts.push(movedTable(results.comparison));
  } else {
    parts.push(evaluationTable(word, results.evaluation));
  }
  parts.push(averagesTable(results));
  if (report.guard)
    parts.push(
      guardLines(report)
        .map((line) => `- ${plain(line)}`)
        .join('\n'),
    );
  if (report.gates?.length) parts.push(gatesTable(report));
  return `${parts.join('\n\n')}\n`;
}

function evaluationTable(word: string, { classes, total }: EvaluationResults): string {
  const header = [word, 'examples', 'wrong', 'accuracy %', '95 % interval', 'precision %', 'F1 %'];
  const rows = classes.map((one) => [
    plain(one.className),
    formatCount(one.support),
    formatCount(one.errors),
    formatPercent(one.accuracy),
    interval(one.interval),
    formatPercent(one.precision),
    formatPercent(one.f1),
  ]);
  const last = [
    formatCount(total.support),
    formatCount(total.errors),
    formatPercent(total.accuracy),
    interval(total.interval),
  ];
  return table(header, [...rows, ['total', ...last, '', ''].map(bold)]);
}

function comparisonTable(word: string, comparison: Comparison): string {
  const header = [word, 'target', 'examples', 'wrong before', 'after', 'change', 'fixed', 'broken'];
  const rows = comparison.classes.map((one) => [
    plain(one.className),
    one.isTarget ? 'yes' : 'no',
    ...changeCells(one),
  ]);
  for (const [name, change] of [
    ['target', comparison.target],
    ['other', comparison.other],
    ['total', comparison.total],
  ] as const) {
    if (change) rows.push([bold(name), '', ...changeCells(change).map(bold)]);
  }
  return table([...header, 'accuracy % before', 'after', 'change', 'p'], rows, 2);
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

function movedTable({ topConfusionChanges }: Comparison): string {
  const rows = topConfusionChanges.map(({ truth, predicted, before, after }) => [
    `${plain(truth)} read as ${plain(predicted)}`,
    formatCount(before),
    formatCount(after),
    formatSigned(after - before),
  ]);
  return table(['mistake', 'before', 'after', 'change'], rows);
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
    rows.map(([name, read]) => [name, ...columns.map(read)]),
  );
}

function gatesTable({ gates = [] }: Report): string {
  return table(
    ['gate', 'met', 'measured'],
    gates.map(({ gate, passed, message }) => [plain(gate), passed ? 'yes' : '**no**', plain(message)]),
    3,
  );
}

/** Numbers align right; the first `words` columns hold words and align left. */
function table(header: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const marks = header.map((_, column) => (column < words ? ':--' : '--:'));
  return [header, marks, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function interval(bounds: readonly [number, number] | null): string {
  return bounds === null ? formatPercent(null) : `${formatPercent(bounds[0])} to ${formatPercent(bounds[1])}`;
}

function bold(text: string): string {
  return text === '' ? '' : `**${text}**`;
}

/** Keeps names from acting as Markdown or HTML. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~]/g, '\\$&').replace(/[\r\n]+/g, ' ');
}
