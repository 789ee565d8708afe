import { plainTable, tableText } from '../../dist/text/index.js';
import { summary } from './statistics.mjs';

/**
 * A row for each contender, in the order of the cases.
 *
 * @param {readonly import('./compete.mjs').Result[]} results
 */
export function resultTable(results) {
  const rated = results.some(({ operations }) => operations !== undefined);
  const columns = ['', '', 'median', 'least', 'most', ...(rated ? ['TFLOP/s'] : []), 'tfjs-lora is'];
  const table = plainTable(['left', ...new Array(columns.length + 1).fill('right')]);
  table.push([...columns, 'wanted', 'peak MB']);
  for (const result of results) {
    const empty = new Array(columns.length - 2).fill('');
    table.push([result.title, result.unit, ...empty, limit(result), '']);
    for (const standing of result.standings) table.push(row(result, standing, rated));
  }
  return tableText(table);
}

/**
 * @param {import('./compete.mjs').Result} result
 * @param {import('./compete.mjs').Standing} standing
 * @param {boolean} rated with a column of operations a second
 */
function row({ unit, comparisons, operations }, { name, note, seconds, medianSeconds, peakBytes }, rated) {
  const rate = operations === undefined ? '' : figure(operations / medianSeconds / 1e12);
  const figures = summary(seconds.map((one) => (unit === 's' ? one : 1 / one)));
  const comparison = comparisons.find(({ against }) => against === name);
  const stands = comparisons.some(({ product }) => product === name);
  const { ratio, goal } = comparison ?? {};
  return [
    `  ${name}${stands ? ' *' : ''}`,
    note.replace('engine ', ''),
    ...[figures.median, figures.least, figures.most].map(figure),
    ...(rated ? [rate] : []),
    ratio ? `${times(ratio.median)} (${times(ratio.least)}-${times(ratio.most)})` : '',
    goal && ratio ? `${times(goal)} ${ratio.median >= goal ? 'yes' : 'no'}` : '',
    peakBytes > 0 ? (peakBytes / 1e6).toFixed(0) : '',
  ];
}

/** @param {import('./compete.mjs').Result} result */
function limit({ limitSeconds, standings: [product, anchor] }) {
  if (limitSeconds === undefined || product === undefined) return '';
  const seconds = product.medianSeconds - (anchor?.medianSeconds ?? 0);
  return `${anchor ? '+' : ''}${limitSeconds} s ${seconds <= limitSeconds ? 'yes' : 'no'}`;
}

/** @param {number} value */
function figure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** @param {number} ratio */
const times = (ratio) => `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)}x`;
