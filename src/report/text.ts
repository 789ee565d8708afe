import picocolors from 'picocolors';
import type { Change, Comparison } from '../metrics/index.ts';
import {
  formatCount,
  formatPercent,
  formatPoints,
  formatPValue,
  plainTable,
  shorten,
  tableText,
} from '../text/index.ts';
import type { Report } from './report.ts';
import { resultsOf } from './results.ts';
import type { EvaluationResults } from './schema.ts';
import { changeFigures, classWord, guardLines, settings, title } from './wording.ts';

/** Letters of a class name that leave room for the word 'target'. */
const SHORT_NAME = 2;
/** Letters that leave room for a sign. */
const LONG_NAME = 7;

/** How text is shown. */
export interface TextOptions {
  /** Colours repeat what signs and words say. */
  readonly color?: boolean;
}

type Colors = ReturnType<typeof picocolors.createColors>;

/** A report as text of at most 80 columns, without a line end at its end. */
export function renderText(report: Report, { color = false }: TextOptions = {}): string {
  const colors = picocolors.createColors(color);
  const { evaluation, baseline, comparison } = resultsOf(report);
  const lines = [colors.bold(title(report.run)), ...wrap(settings(report))];
  if (comparison && baseline) {
    const names = `${report.baseline?.name} -> ${report.evaluation.name}`;
    lines.push(...wrap(`before -> after: ${names}`), '', comparisonTable(report, comparison, colors), '');
    lines.push(...changeLines(comparison, colors), ...movedLines(comparison));
  } else {
    lines.push('', evaluationTable(report, evaluation, colors), '');
  }
  lines.push(...summaryLines(evaluation, baseline));
  for (const line of guardLines(report)) lines.push(...wrap(line));
  lines.push(...gateLines(report, colors));
  return lines.join('\n').trimEnd();
}

function evaluationTable(report: Report, results: EvaluationResults, colors: Colors): string {
  const word = classWord(report.evaluation.classNames);
  const table = plainTable(['left', 'right', 'right', 'right', 'right', 'right', 'right']);
  table.push(
    [word, 'examples', 'wrong', 'accuracy %', '95 % interval', 'precision %', 'F1 %'].map(colors.dim),
    ...results.classes.map((one) => [
      one.className,
      formatCount(one.support),
      formatCount(one.errors),
      formatPercent(one.accuracy),
      interval(one.interval),
      formatPercent(one.precision),
      formatPercent(one.f1),
    ]),
    [
      'total',
      formatCount(results.total.support),
      formatCount(results.total.errors),
      formatPercent(results.total.accuracy),
      interval(results.total.interval),
    ].map(colors.bold),
  );
  return tableText(table);
}

function comparisonTable(report: Report, comparison: Comparison, colors: Colors): string {
  const word = classWord(report.evaluation.classNames);
  const table = plainTable(['left', ...new Array<'right'>(9).fill('right')]);
  const group = (content: string, colSpan: number) => ({
    content: colors.dim(content),
    colSpan,
    hAlign: 'right' as const,
  });
  table.push(
    [group('', 1), group('wrong', 3), group('images', 2), group('accuracy %', 3), group('', 1)],
    [word, 'before', 'after', 'change', 'fixed', 'broken', 'before', 'after', 'change', 'p'].map(colors.dim),
  );
  const short = isShort(comparison);
  for (const one of comparison.classes) {
    const name = shorten(one.className, LONG_NAME);
    table.push(changeRow(one.isTarget ? `${name} ${short ? 'target' : '+'}` : name, one, colors));
  }
  const groups = [
    ['target', comparison.target],
    ['other', comparison.other],
    ['total', comparison.total],
  ] as const;
  for (const [name, change] of groups) {
    if (change) table.push(changeRow(name, change, colors).map(colors.bold));
  }
  return tableText(table);
}

/** Whether class names leave room for the word 'target'. */
function isShort({ classes }: Comparison): boolean {
  return classes.every(({ className }) => className.length <= SHORT_NAME);
}

function changeRow(name: string, change: Change, colors: Colors): string[] {
  const { gain, fixed, broken, pValue, significant } = change;
  const paint = !significant ? (text: string) => text : fixed > broken ? colors.green : colors.red;
  return [
    name,
    ...changeFigures(change),
    paint(formatPoints(gain)),
    paint(`${formatPValue(pValue)} ${significant ? '*' : ' '}`),
  ];
}

function changeLines(comparison: Comparison, colors: Colors): string[] {
  const named = (worse: boolean) =>
    comparison.classes
      .filter(({ significant, fixed, broken }) => significant && broken > fixed === worse)
      .map(({ className }) => className)
      .join(', ');
  const lines = [
    colors.dim('* more than noise: exact McNemar test, Holm-corrected over the classes, p < 0.05'),
  ];
  if (!isShort(comparison)) lines.push(colors.dim('+ target'));
  if (named(false)) lines.push(...wrap(`better beyond noise: ${named(false)}`));
  if (named(true)) lines.push(...wrap(`worse beyond noise: ${named(true)}`).map(colors.bold));
  return lines;
}

function movedLines(comparison: Comparison): string[] {
  const moved = comparison.topConfusionChanges.slice(0, 5);
  if (moved.length === 0) return [];
  const parts = moved.map(
    ({ truth, predicted, before, after }) =>
      `${truth} read as ${predicted} ${formatCount(before)} -> ${formatCount(after)}`,
  );
  return wrap(`mistakes that moved most: ${parts.join('; ')}`);
}

function summaryLines(evaluation: EvaluationResults, baseline?: EvaluationResults): string[] {
  const of = (read: (results: EvaluationResults) => string) =>
    baseline ? `${read(baseline)} -> ${read(evaluation)}` : read(evaluation);
  const parts = [
    `loss ${of(({ loss }) => loss.toFixed(4))}`,
    `macro F1 % ${of(({ macro }) => formatPercent(macro.f1))}`,
    `calibration error % ${of(({ calibrationError }) => formatPercent(calibrationError))}`,
  ];
  return wrap(parts.join('; '));
}

function gateLines(report: Report, colors: Colors): string[] {
  const gates = report.gates ?? [];
  if (gates.length === 0) return [];
  return [
    '',
    ...gates.map(
      ({ passed, message }) => `${passed ? colors.green('met    ') : colors.red('NOT MET')}  ${message}`,
    ),
  ];
}

function interval(bounds: readonly [number, number] | null): string {
  return bounds === null ? formatPercent(null) : `${formatPercent(bounds[0])}-${formatPercent(bounds[1])}`;
}

/** Breaks at spaces so that no line is longer than `width`; later lines are indented. */
function wrap(text: string, width = 80): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
