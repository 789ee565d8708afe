import { plainTable, tableText } from '../../dist/text/index.js';
import { summary } from './statistics.mjs';

/**
 * The results as a table: a row for each case, followed by a row for each contender. The fastest contender of tfjs-lora is
 * marked with a star; "tfjs-lora is" compares it with the fastest contender of each framework.
 *
 * @param {readonly import('./run-case.mjs').Result[]} results
 */
export function resultTable(results) {
  const showsRate = results.some(({ operations }) => operations !== undefined);
  const rateColumn = showsRate ? ['TFLOP/s'] : [];
  const header = ['', '', 'median', 'min', 'max', ...rateColumn, 'tfjs-lora is', 'goal', 'peak MB'];
  const table = plainTable(['left', ...new Array(header.length - 1).fill('right')]);
  table.push(header);
  for (const result of results) {
    const empty = new Array(header.length - 4).fill('');
    table.push([result.title, result.unit, ...empty, limitCell(result), '']);
    for (const contender of result.contenders) table.push(contenderRow(result, contender, showsRate));
  }
  return tableText(table);
}

/**
 * @param {import('./run-case.mjs').Result} result
 * @param {import('./run-case.mjs').ContenderResult} contender
 * @param {boolean} showsRate whether the table has a column for operations per second
 */
function contenderRow({ unit, comparisons, operations }, contender, showsRate) {
  const { name, note, seconds, medianSeconds, peakBytes } = contender;
  const { median, min, max } = summary(seconds.map((value) => (unit === 's' ? value : 1 / value)));
  const rate = operations === undefined ? '' : formatFigure(operations / medianSeconds / 1e12);
  const isFastest = comparisons.some(({ product }) => product === name);
  const { ratio, goal } = comparisons.find(({ against }) => against === name) ?? {};
  return [
    `  ${name}${isFastest ? ' *' : ''}`,
    note.replace('engine ', ''),
    formatFigure(median),
    formatFigure(min),
    formatFigure(max),
    ...(showsRate ? [rate] : []),
    ratio ? `${formatRatio(ratio.median)} (${formatRatio(ratio.min)}-${formatRatio(ratio.max)})` : '',
    goal && ratio ? `${formatRatio(goal)} ${ratio.median >= goal ? 'yes' : 'no'}` : '',
    peakBytes > 0 ? (peakBytes / 1e6).toFixed(0) : '',
  ];
}

/**
 * The limit on tfjs-lora's time, or on its time beyond that of the other contender, and whether it is met.
 *
 * @param {import('./run-case.mjs').Result} result
 */
function limitCell({ limitSeconds, contenders: [product, reference] }) {
  if (limitSeconds === undefined || product === undefined) return '';
  const seconds = product.medianSeconds - (reference?.medianSeconds ?? 0);
  return `${reference ? '+' : ''}${limitSeconds} s ${seconds <= limitSeconds ? 'yes' : 'no'}`;
}

/** @param {number} value */
function formatFigure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** @param {number} ratio */
function formatRatio(ratio) {
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)}x`;
}
