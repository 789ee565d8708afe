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
import { changeFigures, classWord, formatInterval, guardLines, settings, title } from './wording.ts';

/** Columns of a terminal. Tables are designed to fit. */
const WIDTH = 80;
/** Longest class name that leaves room for the word 'target' in its row. */
const SHORT_NAME = 2;
/** Longest class name that leaves room for a plus sign in its row; longer names are cut. */
const LONG_NAME = 7;
/** How many confusions (pairs of true and predicted class) are listed. */
const MAX_CONFUSIONS = 5;

type Colors = ReturnType<typeof picocolors.createColors>;

/**
 * A report as text for a terminal of 80 columns.
 *
 * @param options.color whether to use colours; they repeat what signs and words already show
 */
export function renderText(report: Report, { color = false }: { readonly color?: boolean } = {}): string {
  const colors = picocolors.createColors(color);
  const { evaluation, baseline, comparison } = resultsOf(report);
  const lines = [colors.bold(title(report.run)), ...wrap(settings(report))];
  if (report.baseline && comparison) {
    lines.push(...wrap(`before -> after: ${report.baseline.name} -> ${report.evaluation.name}`), '');
    lines.push(comparisonTable(report, comparison, colors), '');
    lines.push(...comparisonNotes(comparison, colors));
  } else {
    lines.push('', evaluationTable(report, evaluation, colors), '');
  }
  lines.push(...averages(evaluation, baseline));
  for (const line of guardLines(report)) lines.push(...wrap(line));
  lines.push(...gateLines(report, colors));
  return lines.join('\n').trimEnd();
}

function evaluationTable(report: Report, results: EvaluationResults, colors: Colors): string {
  const { classes, total } = results;
  const word = classWord(report.evaluation.classNames);
  const table = plainTable(['left', 'right', 'right', 'right', 'right', 'right', 'right']);
  table.push(
    [word, 'examples', 'wrong', 'accuracy %', '95 % interval', 'precision %', 'F1 %'].map(colors.dim),
    ...classes.map((metrics) => [
      metrics.className,
      formatCount(metrics.support),
      formatCount(metrics.errors),
      formatPercent(metrics.accuracy),
      formatInterval(metrics.interval, '-'),
      formatPercent(metrics.precision),
      formatPercent(metrics.f1),
    ]),
    [
      'total',
      formatCount(total.support),
      formatCount(total.errors),
      formatPercent(total.accuracy),
      formatInterval(total.interval, '-'),
    ].map(colors.bold),
  );
  return tableText(table);
}

function comparisonTable(report: Report, comparison: Comparison, colors: Colors): string {
  const word = classWord(report.evaluation.classNames);
  const table = plainTable(['left', ...new Array<'right'>(9).fill('right')]);
  const spanning = (content: string, colSpan: number) => ({
    content: colors.dim(content),
    colSpan,
    hAlign: 'right' as const,
  });
  table.push(
    [
      spanning('', 1),
      spanning('wrong', 3),
      spanning('images', 2),
      spanning('accuracy %', 3),
      spanning('', 1),
    ],
    [word, 'before', 'after', 'change', 'fixed', 'broken', 'before', 'after', 'change', 'p'].map(colors.dim),
  );
  const mark = hasShortNames(comparison) ? 'target' : '+';
  for (const change of comparison.classes) {
    const name = shorten(change.className, LONG_NAME);
    table.push(changeRow(change.isTarget ? `${name} ${mark}` : name, change, colors));
  }
  const { target, other, total } = comparison;
  if (target) table.push(changeRow('target', target, colors).map(colors.bold));
  if (other) table.push(changeRow('other', other, colors).map(colors.bold));
  table.push(changeRow('total', total, colors).map(colors.bold));
  return tableText(table);
}

function hasShortNames({ classes }: Comparison): boolean {
  return classes.every(({ className }) => className.length <= SHORT_NAME);
}

function changeRow(name: string, change: Change, colors: Colors): string[] {
  const { gain, fixed, broken, pValue, significant } = change;
  const changeColor = fixed > broken ? colors.green : colors.red;
  const paint = significant ? changeColor : (text: string) => text;
  return [
    name,
    ...changeFigures(change),
    paint(formatPoints(gain)),
    paint(`${formatPValue(pValue)} ${significant ? '*' : ' '}`),
  ];
}

function comparisonNotes(comparison: Comparison, colors: Colors): string[] {
  const significantNames = (direction: 'better' | 'worse') =>
    comparison.classes
      .filter(({ significant }) => significant)
      .filter(({ fixed, broken }) => (direction === 'better' ? fixed > broken : broken > fixed))
      .map(({ className }) => className)
      .join(', ');
  const better = significantNames('better');
  const worse = significantNames('worse');
  const confusions = comparison.topConfusionChanges
    .slice(0, MAX_CONFUSIONS)
    .map(({ truth, predicted, before, after }) =>
      unbroken(`${truth} predicted as ${predicted}: ${formatCount(before)} -> ${formatCount(after)}`),
    )
    .join('; ');
  return [
    colors.dim('* significant: exact McNemar test, Holm-corrected over the classes, p < 0.05'),
    ...(hasShortNames(comparison) ? [] : [colors.dim('+ target')]),
    ...(better ? wrap(`significantly better: ${better}`) : []),
    ...(worse ? wrap(`significantly worse: ${worse}`).map(colors.bold) : []),
    ...(confusions ? wrap(`confusions that changed most: ${confusions}`) : []),
  ];
}

/** Loss, macro F1 and calibration error; before and after if there is a baseline. */
function averages(evaluation: EvaluationResults, baseline?: EvaluationResults): string[] {
  const values = (format: (results: EvaluationResults) => string) =>
    baseline ? `${format(baseline)} -> ${format(evaluation)}` : format(evaluation);
  const parts = [
    `loss ${values(({ loss }) => loss.toFixed(4))}`,
    `macro F1 % ${values(({ macro }) => formatPercent(macro.f1))}`,
    `calibration error % ${values(({ calibrationError }) => formatPercent(calibrationError))}`,
  ];
  return wrap(parts.map(unbroken).join('; '));
}

function gateLines({ gates = [] }: Report, colors: Colors): string[] {
  if (gates.length === 0) return [];
  const met = colors.green('met    ');
  const notMet = colors.red('NOT MET');
  return ['', ...gates.map(({ passed, message }) => `${passed ? met : notMet}  ${message}`)];
}

const NO_BREAK_SPACE = '\u00a0';

/** Makes `wrap` keep a text on one line. */
function unbroken(text: string): string {
  return text.replaceAll(' ', NO_BREAK_SPACE);
}

/** Breaks a text at spaces into lines of at most `WIDTH` characters; all but the first are indented. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((text) => text.replaceAll(NO_BREAK_SPACE, ' '));
}
