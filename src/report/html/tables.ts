import type { Change, Comparison, ConfusionChange } from '../../metrics/index.ts';
import {
  formatCount,
  formatPercent,
  formatPoints,
  formatPValue,
  formatSigned,
  NOT_AVAILABLE,
} from '../../text/index.ts';
import type { EvaluationResults, LayerRank } from '../schema.ts';
import { changeFigures } from '../wording.ts';
import { html, type Markup } from './markup.ts';

/** A table that scrolls on its own where the page is narrow. */
function scroll(label: string, table: Markup, extra = ''): Markup {
  return html`<div class="scroll${extra}" role="region" tabindex="0" aria-label="${label}">${table}</div>`;
}

export function evaluationTable(
  word: string,
  { classes, total, macro, weighted }: EvaluationResults,
): Markup {
  const interval = (bounds: readonly [number, number] | null) =>
    bounds ? `${formatPercent(bounds[0])} – ${formatPercent(bounds[1])}` : NOT_AVAILABLE;
  return scroll(
    'Accuracy of each class',
    html`<table>
<thead><tr><th scope="col">${word}</th>${['examples', 'wrong', 'accuracy %', '95 % interval', 'precision %', 'recall %', 'F1 %'].map(columnHeader)}</tr></thead>
<tbody>${classes.map(
      (one) => html`<tr><th scope="row">${one.className}</th>${[
        formatCount(one.support),
        formatCount(one.errors),
        formatPercent(one.accuracy),
        interval(one.interval),
        formatPercent(one.precision),
        formatPercent(one.recall),
        formatPercent(one.f1),
      ].map(cell)}</tr>
`,
    )}</tbody>
<tfoot><tr><th scope="row">total</th>${[formatCount(total.support), formatCount(total.errors), formatPercent(total.accuracy), interval(total.interval), '', '', ''].map(cell)}</tr>
<tr><th scope="row">macro average</th>${['', '', '', '', formatPercent(macro.precision), formatPercent(macro.recall), formatPercent(macro.f1)].map(cell)}</tr>
<tr><th scope="row">weighted average</th>${['', '', '', '', formatPercent(weighted.precision), formatPercent(weighted.recall), formatPercent(weighted.f1)].map(cell)}</tr></tfoot>
</table>`,
  );
}

export function comparisonTable(word: string, { classes, target, other, total }: Comparison): Markup {
  const group = (name: string, span: number) => html`<th colspan="${span}" scope="colgroup">${name}</th>`;
  return scroll(
    'Changes of each class',
    html`<table>
<thead><tr><td></td><td></td>${[group('wrong', 3), group('images', 2), group('accuracy %', 3)]}<td></td></tr>
<tr><th scope="col">${word}</th>${['examples', 'before', 'after', 'change', 'fixed', 'broken', 'before', 'after', 'change', 'p'].map(columnHeader)}</tr></thead>
<tbody>${classes.map((one) => changeRow(one.className, one, one.isTarget))}</tbody>
<tfoot>${[target && changeRow('target', target), other && changeRow('other', other), changeRow('total', total)]}</tfoot>
</table>`,
  );
}

function changeRow(name: string, change: Change, isTarget = false): Markup {
  const { before, gain, fixed, broken, pValue, significant } = change;
  const direction = !significant ? '' : fixed > broken ? 'better' : 'worse';
  const arrow = { better: ' ▲', worse: ' ▼', '': '' }[direction];
  return html`<tr><th scope="row">${name}${isTarget && html`<span class="tag">target</span>`}</th>${[
    formatCount(before.support),
    ...changeFigures(change),
  ].map(
    cell,
  )}<td class="${direction}">${minus(formatPoints(gain))}</td><td class="${direction}">${formatPValue(pValue)}${arrow}</td></tr>
`;
}

export function movedTable(moved: readonly ConfusionChange[]): Markup {
  return scroll(
    'Mistakes that moved most',
    html`<table>
<thead><tr><th scope="col">mistake</th>${['before', 'after', 'change'].map(columnHeader)}</tr></thead>
<tbody>${moved.map(
      ({ truth, predicted, before, after }) =>
        html`<tr><th scope="row">${truth} read as ${predicted}</th>${[formatCount(before), formatCount(after), formatSigned(after - before)].map(cell)}</tr>
`,
    )}</tbody></table>`,
    ' compact',
  );
}

export function rankTable(layers: readonly LayerRank[]): Markup {
  const shown = (values: readonly number[], rank: number) =>
    values
      .slice(0, Math.min(rank, 4))
      .map((value) => value.toPrecision(3))
      .join(', ') + (rank > 4 ? ', …' : '');
  return scroll(
    'Rank used by each layer',
    html`<table>
<thead><tr><th scope="col">layer</th>${['rank', 'used', 'singular values'].map(columnHeader)}</tr></thead>
<tbody>${layers.map(
      ({ layer, rank, singularValues, effectiveRank }) =>
        html`<tr><th scope="row">${layer}</th>${[formatCount(rank), effectiveRank.toFixed(2), shown(singularValues, rank)].map(cell)}</tr>
`,
    )}</tbody></table>`,
    ' compact',
  );
}

/** A true minus sign before a number. */
export function minus(text: string): string {
  return text.replace(/^-(?=\d)/, '−');
}

function columnHeader(name: string): Markup {
  return html`<th scope="col">${name}</th>`;
}

function cell(text: string): Markup {
  return html`<td>${minus(text)}</td>`;
}
