import type { Change, Comparison, ConfusionChange } from '../../metrics/index.ts';
import { formatCount, formatPercent, formatPoints, formatPValue, formatSigned } from '../../text/index.ts';
import type { EvaluationResults, LayerRank } from '../schema.ts';
import { type ClassWord, changeFigures, formatInterval } from '../wording.ts';
import { html, type Markup } from './markup.ts';

/** Makes a table scroll horizontally if the page is too narrow for it. */
function scrollable(label: string, table: Markup, extraClass = ''): Markup {
  return html`<div class="scroll${extraClass}" role="region" tabindex="0" aria-label="${label}">${table}</div>`;
}

export function evaluationTable(
  word: ClassWord,
  { classes, total, macro, weighted }: EvaluationResults,
): Markup {
  const columns = ['examples', 'wrong', 'accuracy %', '95 % interval', 'precision %', 'recall %', 'F1 %'];
  const scoreCells = ({ support, errors, accuracy, interval }: EvaluationResults['total']) => [
    formatCount(support),
    formatCount(errors),
    formatPercent(accuracy),
    formatInterval(interval, ' – '),
  ];
  const averageCells = ({
    precision,
    recall,
    f1,
  }: Pick<EvaluationResults['classes'][number], 'precision' | 'recall' | 'f1'>) =>
    [precision, recall, f1].map(formatPercent);
  const noScore = ['', '', '', ''];
  const noAverages = ['', '', ''];
  return scrollable(
    'Accuracy of each class',
    html`<table>
<thead><tr><th scope="col">${word}</th>${columns.map(columnHeader)}</tr></thead>
<tbody>${classes.map((metrics) => row(metrics.className, [...scoreCells(metrics), ...averageCells(metrics)]))}</tbody>
<tfoot>${[
      row('total', [...scoreCells(total), ...noAverages]),
      row('macro average', [...noScore, ...averageCells(macro)]),
      row('weighted average', [...noScore, ...averageCells(weighted)]),
    ]}</tfoot>
</table>`,
  );
}

export function comparisonTable(word: ClassWord, { classes, target, other, total }: Comparison): Markup {
  const columns = [
    'examples',
    'before',
    'after',
    'change',
    'fixed',
    'broken',
    'before',
    'after',
    'change',
    'p',
  ];
  const group = (name: string, span: number) => html`<th colspan="${span}" scope="colgroup">${name}</th>`;
  return scrollable(
    'Changes of each class',
    html`<table>
<thead><tr><td></td><td></td>${[group('wrong', 3), group('images', 2), group('accuracy %', 3)]}<td></td></tr>
<tr><th scope="col">${word}</th>${columns.map(columnHeader)}</tr></thead>
<tbody>${classes.map((change) => changeRow(change.className, change, change.isTarget))}</tbody>
<tfoot>${[target && changeRow('target', target), other && changeRow('other', other), changeRow('total', total)]}</tfoot>
</table>`,
  );
}

function changeRow(name: string, change: Change, isTarget = false): Markup {
  const { before, gain, fixed, broken, pValue, significant } = change;
  const direction = !significant ? '' : fixed > broken ? 'better' : 'worse';
  const arrow = { better: ' ▲', worse: ' ▼', '': '' }[direction];
  const cells = [formatCount(before.support), ...changeFigures(change)].map(cell);
  return html`<tr><th scope="row">${name}${isTarget && html`<span class="tag">target</span>`}</th>${cells}<td class="${direction}">${withMinusSign(formatPoints(gain))}</td><td class="${direction}">${formatPValue(pValue)}${arrow}</td></tr>
`;
}

export function confusionsTable(changes: readonly ConfusionChange[]): Markup {
  return scrollable(
    'Confusions that changed most',
    html`<table>
<thead><tr><th scope="col">confusion</th>${['before', 'after', 'change'].map(columnHeader)}</tr></thead>
<tbody>${changes.map(({ truth, predicted, before, after }) =>
      row(`${truth} predicted as ${predicted}`, [
        formatCount(before),
        formatCount(after),
        formatSigned(after - before),
      ]),
    )}</tbody></table>`,
    ' compact',
  );
}

export function rankTable(layers: readonly LayerRank[]): Markup {
  const firstFour = (values: readonly number[], rank: number) =>
    values
      .slice(0, Math.min(rank, 4))
      .map((value) => value.toPrecision(3))
      .join(', ') + (rank > 4 ? ', …' : '');
  return scrollable(
    'Rank used by each layer',
    html`<table>
<thead><tr><th scope="col">layer</th>${['rank', 'used', 'singular values'].map(columnHeader)}</tr></thead>
<tbody>${layers.map(({ layer, rank, singularValues, effectiveRank }) =>
      row(layer, [formatCount(rank), effectiveRank.toFixed(2), firstFour(singularValues, rank)]),
    )}</tbody></table>`,
    ' compact',
  );
}

/** Replaces a leading hyphen by a minus sign. */
export function withMinusSign(text: string): string {
  return text.replace(/^-(?=\d)/, '−');
}

function row(name: string, cells: readonly string[]): Markup {
  return html`<tr><th scope="row">${name}</th>${cells.map(cell)}</tr>
`;
}

function columnHeader(name: string): Markup {
  return html`<th scope="col">${name}</th>`;
}

function cell(text: string): Markup {
  return html`<td>${withMinusSign(text)}</td>`;
}
