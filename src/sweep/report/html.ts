import { loadHtmlKit } from '../../report/index.ts';
import { formatPercent } from '../../text/index.ts';
import type { Configuration } from '../grid.ts';
import { configurationNames, type SweepReport } from './sweep-report.ts';
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

type Scored = SweepReport['configurations'][number];
type Kit = Awaited<ReturnType<typeof loadHtmlKit>>;

/** The report of a sweep as a single HTML file, without scripts and network requests. */
export async function renderSweepHtml(report: SweepReport): Promise<string> {
  const kit = await loadHtmlKit();
  const { html, page } = kit;
  const lines = (items: readonly string[]) => items.map((line) => html`<p class="note">${line}</p>`);
  const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
    html`<div class="scroll"><table><thead><tr>${header.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead><tbody>${rows.map(
      ([name, ...cells]) =>
        html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
    )}</tbody></table></div>`;
  return page(
    'sweep',
    html`<header><h1>sweep</h1>${lines(settingLines(report))}</header>
<section><h2>Recommendation</h2>${conclusionLines(report).map((line) => html`<p>${line}</p>`)}${
      report.test.length > 0 &&
      html`<h3>On the test set</h3>${table(
        ['configuration', 'target %', 'other %', 'all %', 'gain', 'drop'],
        testRows(report).map(({ name, score }) => [name, ...accuracyCells(score)]),
      )}`
    }</section>
${rankSections(report, kit)}
<section><h2>Gain against forgetting</h2>
<p class="note">Points gained by the target classes against points lost by the other class that lost most. The line is the Pareto front. Filled: recommended.</p>
${kit.chart('Gain and drop of each configuration; the table below has the numbers.', (width) => tradeoffChart(report, kit, width))}</section>
<section><h2>Configurations</h2>${table(
      ['held-out images', ...COLUMNS, ''],
      report.configurations.map((scored, index) => [scored.name, ...cellsOf(scored), marksOf(report, index)]),
    )}${lines(LEGEND)}${lines(failureLines(report))}</section>
<footer><p>device ${report.device} · base ${report.base.contentHash.slice(0, 12)}</p><p>Created ${report.createdAt} by tfjs-lora.</p></footer>`,
  );
}

/** Accuracy over rank, a chart for each combination of the other settings, if the rank varies. */
function rankSections(report: SweepReport, kit: Kit) {
  const { html } = kit;
  const groups = new Map<string, Scored[]>();
  for (const scored of report.configurations) {
    if (typeof scored.configuration.rank !== 'number') return undefined;
    const { rank: _, ...others } = scored.configuration;
    const key = JSON.stringify(others);
    groups.set(key, [...(groups.get(key) ?? []), scored]);
  }
  if ([...groups.values()].every((group) => group.length < 2)) return undefined;
  const nameOf = configurationNames([...groups.keys()].map((key) => JSON.parse(key) as Configuration));
  return html`<section><h2>Accuracy over rank</h2>
<div class="key note"><span class="bold">target classes</span><span class="dashed">other classes</span><span class="dotted">all classes</span></div>
<p class="note">Bars: 95 % interval of the mean over seeds.</p><div class="pair">${[...groups].map(
    ([key, group]) =>
      html`<div><h3>${nameOf(JSON.parse(key) as Configuration)}</h3>${kit.chart(
        `Accuracy against rank, from ${formatPercent(group[0]!.total.mean)} to ${formatPercent(group.at(-1)!.total.mean)} per cent on all classes.`,
        (width) => rankChart(group, kit, width / 2),
      )}</div>`,
  )}</div></section>`;
}

function rankChart(
  group: readonly Scored[],
  { draw, axisLabel, splitLine, text, muted }: Kit,
  width: number,
): string {
  const sorted = group.toSorted((a, b) => Number(a.configuration.rank) - Number(b.configuration.rank));
  const line = (name: 'target' | 'other' | 'total', color: string, type: 'solid' | 'dashed' | 'dotted') => ({
    type: 'line',
    silent: true,
    symbol: 'circle',
    symbolSize: 6,
    itemStyle: { color },
    lineStyle: { color, width: 2.5, type },
    data: sorted.map((scored) => (scored[name] ? 100 * scored[name].mean : null)),
  });
  const bars = (name: 'target' | 'other' | 'total', color: string) =>
    sorted.map((scored, index) => ({
      type: 'line',
      silent: true,
      showSymbol: false,
      lineStyle: { color, width: 1.5 },
      data: (scored[name]?.interval ?? []).map((end) => [index, 100 * end]),
    }));
  const option = {
    grid: {
      left: 8,
      right: 16,
      top: 12,
      bottom: 30,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: {
      type: 'category',
      data: sorted.map(({ configuration }) => String(configuration.rank)),
      name: 'rank',
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { ...text, color: muted },
      axisLabel,
      axisLine: { lineStyle: { color: muted } },
    },
    yAxis: { type: 'value', scale: true, splitLine, axisLabel: { ...axisLabel, formatter: '{value} %' } },
    series: [
      line('target', 'var(--after)', 'solid'),
      line('other', 'var(--heat)', 'dashed'),
      line('total', 'var(--muted)', 'dotted'),
      ...bars('target', 'var(--after)'),
      ...bars('other', 'var(--heat)'),
    ],
  };
  return draw(option, width, 260);
}

function tradeoffChart(
  report: SweepReport,
  { draw, axisLabel, splitLine, text, muted }: Kit,
  width: number,
): string {
  const point = ({ gain, drop }: Scored) => [100 * drop.mean, 100 * gain.mean];
  const front = report.configurations
    .filter(({ onParetoFront }) => onParetoFront)
    .toSorted((a, b) => a.drop.mean - b.drop.mean);
  const axis = (name: string) => ({
    type: 'value',
    scale: true,
    name,
    nameLocation: 'middle',
    nameGap: 30,
    nameTextStyle: { ...text, color: muted },
    axisLabel,
    splitLine,
  });
  const option = {
    grid: { left: 44, right: 24, top: 16, bottom: 44 },
    xAxis: axis('drop, points'),
    yAxis: axis('gain, points'),
    series: [
      {
        type: 'line',
        silent: true,
        showSymbol: false,
        lineStyle: { color: muted, width: 1.5 },
        data: front.map(point),
      },
      {
        type: 'scatter',
        silent: true,
        symbolSize: 10,
        data: report.configurations.map((scored, index) => ({
          value: point(scored),
          itemStyle: {
            color: index === report.recommended ? 'var(--after)' : 'var(--page)',
            borderColor: 'var(--after)',
            borderWidth: 1.5,
          },
          label: {
            show: scored.onParetoFront || index === report.recommended,
            position: 'right',
            ...axisLabel,
            formatter: scored.name,
          },
        })),
      },
    ],
  };
  return draw(option, width, 320);
}
