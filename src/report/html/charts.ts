import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import { perClass } from '../../evaluation/per-class.ts';
import { count, percent } from '../format.ts';
import type { AccuracyPoint, LayerRank } from '../report.ts';

use([BarChart, CustomChart, LineChart, GridComponent, SVGRenderer]);

const FONT = 'system-ui, sans-serif';
const FONT_SIZE = 13;
/** Colours are CSS variables of the page, so that one drawing serves light, dark and print. */
const ink = 'var(--ink)';
const muted = 'var(--muted)';
const grid = {
  left: 8,
  right: 16,
  top: 12,
  bottom: 8,
  outerBoundsMode: 'same',
  outerBoundsContain: 'axisLabel',
};
const text = { fontFamily: FONT, fontSize: FONT_SIZE };
const splitLine = { lineStyle: { color: 'var(--line)' } };
const axisLabel = { ...text, color: muted };

/**
 * Draws a chart as SVG markup, the same bytes each time: what echarts numbers through the process (hover styles,
 * clip paths that nothing here reaches) is taken out.
 */
export function draw(option: EChartsCoreOption, width: number, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: text, ...option });
    return chart
      .renderToSVGString()
      .replace(/<(style|defs)[\s\S]*?<\/\1>/g, '')
      .replace(/ (?:class|clip-path|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
      .replace('<svg ', '<svg aria-hidden="true" focusable="false" ')
      .replaceAll('\n', '');
  } finally {
    chart.dispose();
  }
}

/** Wrong counts of each class, before (outlined) and after (filled). Rows from top to bottom. */
export function errorBars(
  evaluation: Evaluation,
  baseline: Evaluation | undefined,
  tuned: readonly number[],
  width: number,
): string {
  const names = evaluation.classNames.map((name, label) => (tuned.includes(label) ? `tuned  ${name}` : name));
  const bar = (of: Evaluation, itemStyle: object) => ({
    type: 'bar',
    silent: true,
    data: perClass(of).map(({ errors, support }) => (support === 0 ? null : errors)),
    barWidth: 13,
    barGap: '15%',
    itemStyle,
    label: {
      show: true,
      position: 'right',
      color: ink,
      ...text,
      formatter: ({ value }: { value: number }) => count(value),
    },
  });
  const series = [bar(evaluation, { color: 'var(--after)' })];
  if (baseline)
    series.unshift(bar(baseline, { color: 'var(--page)', borderColor: 'var(--before)', borderWidth: 1.5 }));
  const option = {
    grid: { ...grid, right: 48 },
    xAxis: { type: 'value', splitLine, axisLabel: { ...axisLabel, hideOverlap: true }, minInterval: 1 },
    yAxis: {
      type: 'category',
      data: names,
      inverse: true,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: muted } },
      axisLabel: { ...text, color: ink, interval: 0 },
    },
    series,
  };
  return draw(option, width, 40 + names.length * (baseline ? 42 : 26));
}

/** What echarts hands to a custom series (of its API, what cells need). */
interface CellApi {
  coord(cell: [number, number]): [number, number];
  size(cell: [number, number]): [number, number];
}

/** Counts by true class (row) and predicted class (column); mistakes are shaded on the scale of `most`. */
export function confusionMap(
  classNames: readonly string[],
  matrix: readonly (readonly number[])[],
  most: number,
): string {
  const size = Math.max(360, Math.min(720, 60 + classNames.length * 32));
  const cells = matrix.flatMap((row, truth) => row.map((value, predicted) => ({ truth, predicted, value })));
  const numbers = classNames.length <= 20;
  const fontSize = classNames.length <= 10 ? 11 : 9;
  const axis = (name: string) => ({
    type: 'category',
    data: classNames,
    name,
    nameLocation: 'middle',
    nameTextStyle: { ...text, color: muted },
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { ...axisLabel, hideOverlap: true },
  });
  const option = {
    grid: { left: 44, right: 6, top: 44, bottom: 6 },
    xAxis: { ...axis('read as'), position: 'top', nameGap: 26 },
    yAxis: { ...axis('true class'), inverse: true, nameGap: 26 },
    series: [
      {
        type: 'custom',
        silent: true,
        data: cells.map(({ truth, predicted }) => [predicted, truth]),
        renderItem: ({ dataIndex }: { dataIndex: number }, api: CellApi) => {
          const { truth, predicted, value } = cells[dataIndex]!;
          const [x, y] = api.coord([predicted, truth]);
          const [width, height] = api.size([1, 1]);
          // Square root, so that rare mistakes stay visible beside frequent ones.
          const share = truth === predicted ? 0 : Math.sqrt(value / Math.max(most, 1));
          return {
            type: 'rect',
            shape: { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 },
            style:
              truth === predicted
                ? { fill: 'var(--diagonal)' }
                : { fill: 'var(--heat)', opacity: Number((0.05 + 0.9 * share).toFixed(3)) },
            textConfig: { position: 'inside' },
            textContent: numbers && {
              style: {
                text: value === 0 ? '·' : String(value),
                fill: cellInk(share, value),
                fontFamily: FONT,
                fontSize,
              },
            },
          };
        },
      },
    ],
  };
  return draw(option, size, size);
}

/** Ink that stands out against the shade: dark themes have to turn earlier than light ones. */
function cellInk(share: number, value: number): string {
  if (share > 0.9) return 'var(--on-heat)';
  if (share > 0.68) return 'var(--on-warm)';
  return value === 0 ? 'var(--faint)' : ink;
}

/** Loss of each step, thin, and its running mean, bold. */
export function lossLine(losses: Float32Array, width: number): string {
  const window = Math.max(1, Math.round(losses.length / 40));
  const line = (data: [number, number][], color: string, lineWidth: number) => ({
    type: 'line',
    silent: true,
    showSymbol: false,
    data,
    lineStyle: { color, width: lineWidth },
  });
  const series = [line(runningMean(losses, window), 'var(--after)', 2.5)];
  if (window > 1) series.unshift(line(thinned(losses, width), 'var(--before)', 0.75));
  return stepChart(series, losses.length, { type: 'value', min: 0 }, width);
}

/** Accuracy measured while training. */
export function accuracyLine(points: readonly AccuracyPoint[], width: number): string {
  const series = {
    type: 'line',
    silent: true,
    data: points.map(({ step, accuracy }) => [step, accuracy]),
    symbol: 'circle',
    symbolSize: 6,
    itemStyle: { color: 'var(--after)' },
    lineStyle: { color: 'var(--after)', width: 2.5 },
  };
  const formatter = (value: number) => `${percent(value)} %`;
  const last = points.at(-1)?.step ?? 1;
  return stepChart(
    [series],
    last,
    { type: 'value', scale: true, axisLabel: { ...axisLabel, formatter } },
    width,
  );
}

function stepChart(series: object[], last: number, yAxis: object, width: number): string {
  const option = {
    grid: { ...grid, bottom: 30 },
    xAxis: {
      type: 'value',
      min: 0,
      max: last,
      name: 'step',
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { ...text, color: muted },
      splitLine: { show: false },
      axisLine: { show: true, onZero: false, lineStyle: { color: muted } },
      axisTick: { lineStyle: { color: muted } },
      axisLabel: { ...axisLabel, hideOverlap: true },
    },
    yAxis: { splitLine, axisLabel, axisLine: { show: false }, axisTick: { show: false }, ...yAxis },
    series,
  };
  return draw(option, width, 260);
}

/** How the update of each layer spreads over its directions: shares of its singular values. */
export function rankBars(layers: readonly LayerRank[], width: number): string {
  const most = Math.max(...layers.map(({ singularValues }) => singularValues.length));
  const series = Array.from({ length: most }, (_, direction) => ({
    type: 'bar',
    stack: 'rank',
    silent: true,
    barWidth: 18,
    data: layers.map(({ singularValues }) => {
      const total = singularValues.reduce((sum, value) => sum + value, 0);
      return total === 0 ? 0 : ((singularValues[direction] ?? 0) / total) * 100;
    }),
    itemStyle: {
      color: 'var(--after)',
      opacity: Number((1 - (0.7 * direction) / Math.max(most - 1, 1)).toFixed(3)),
      borderColor: 'var(--page)',
      borderWidth: 1.5,
    },
  }));
  const option = {
    grid: { ...grid, right: 24 },
    xAxis: {
      type: 'value',
      max: 100,
      splitLine,
      axisLabel: { ...axisLabel, formatter: '{value} %', hideOverlap: true },
    },
    yAxis: {
      type: 'category',
      data: layers.map(({ layer }) => layer),
      inverse: true,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: muted } },
      axisLabel: { ...text, color: ink, interval: 0, width: width / 3, overflow: 'truncate' },
    },
    series,
  };
  return draw(option, width, 44 + layers.length * 32);
}

/** Mean of each loss with up to `window - 1` before it, as [step, mean]. */
function runningMean(losses: Float32Array, window: number): [number, number][] {
  let sum = 0;
  const means = Array.from(losses, (loss, index): [number, number] => {
    sum += loss - (index >= window ? losses[index - window]! : 0);
    return [index + 1, sum / Math.min(index + 1, window)];
  });
  return thinPoints(means, 400);
}

/** At most one point a pixel. */
function thinned(losses: Float32Array, width: number): [number, number][] {
  return thinPoints(
    Array.from(losses, (loss, index): [number, number] => [index + 1, loss]),
    width,
  );
}

function thinPoints(points: [number, number][], limit: number): [number, number][] {
  const every = Math.ceil(points.length / limit);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}
