import { type Evaluation, perClass } from '../../../metrics/index.ts';
import { formatCount, shorten } from '../../../text/index.ts';
import type { LayerRank } from '../../schema.ts';
import { axisLabel, draw, ink, labelRoom, muted, splitLine, text } from './draw.ts';

/** Wrong counts of each class, before (outlined) and after (filled). Rows from top to bottom. */
export function errorBars(
  evaluation: Evaluation,
  baseline: Evaluation | undefined,
  targetLabels: readonly number[],
  width: number,
): string {
  const names = evaluation.classNames.map((name, label) =>
    targetLabels.includes(label) ? `target  ${name}` : name,
  );
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
      formatter: ({ value }: { value: number }) => formatCount(value),
    },
  });
  const series = [bar(evaluation, { color: 'var(--after)' })];
  if (baseline)
    series.unshift(bar(baseline, { color: 'var(--page)', borderColor: 'var(--before)', borderWidth: 1.5 }));
  const option = {
    grid: { left: labelRoom(names), right: 48, top: 12, bottom: 28, outerBoundsMode: 'none' },
    xAxis: { type: 'value', splitLine, axisLabel: { ...axisLabel, hideOverlap: true }, minInterval: 1 },
    yAxis: nameAxis(names),
    series,
  };
  return draw(option, width, 40 + names.length * (baseline ? 42 : 26));
}

/** How the update of each layer spreads over its directions: shares of its squared Frobenius norm. */
export function rankBars(layers: readonly LayerRank[], width: number): string {
  const names = layers.map(({ layer }) => shorten(layer, width / 20));
  const most = Math.max(...layers.map(({ rank }) => rank));
  const series = Array.from({ length: most }, (_, direction) => ({
    type: 'bar',
    stack: 'rank',
    silent: true,
    barWidth: 18,
    data: layers.map(({ rank, singularValues }) => {
      const total = singularValues.reduce((sum, value) => sum + value ** 2, 0);
      return total === 0 || direction >= rank ? 0 : ((singularValues[direction] ?? 0) ** 2 / total) * 100;
    }),
    itemStyle: {
      color: 'var(--after)',
      opacity: Number((1 - (0.7 * direction) / Math.max(most - 1, 1)).toFixed(3)),
      borderColor: 'var(--page)',
      borderWidth: 1.5,
    },
  }));
  const option = {
    grid: { left: labelRoom(names), right: 24, top: 12, bottom: 28, outerBoundsMode: 'none' },
    xAxis: {
      type: 'value',
      max: 100,
      splitLine,
      axisLabel: { ...axisLabel, formatter: '{value} %', hideOverlap: true },
    },
    yAxis: nameAxis(names),
    series,
  };
  return draw(option, width, 44 + layers.length * 32);
}

/** Names from top to bottom. */
const nameAxis = (names: readonly string[]) => ({
  type: 'category',
  data: names,
  inverse: true,
  axisTick: { show: false },
  axisLine: { lineStyle: { color: muted } },
  axisLabel: { ...text, color: ink, interval: 0 },
});
