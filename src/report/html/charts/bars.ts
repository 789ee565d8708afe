import { type Evaluation, perClass } from '../../../metrics/index.ts';
import { formatCount, shorten } from '../../../text/index.ts';
import type { LayerRank } from '../../schema.ts';
import { axisLabel, draw, ink, labelWidth, muted, splitLine, text } from './draw.ts';

/** Error counts of each class: before as outlined bars, after as filled bars. */
export function errorBars(
  evaluation: Evaluation,
  baseline: Evaluation | undefined,
  targetLabels: readonly number[],
  width: number,
): string {
  const names = evaluation.classNames.map((name, label) =>
    targetLabels.includes(label) ? `target  ${name}` : name,
  );
  const before = { color: 'var(--page)', borderColor: 'var(--before)', borderWidth: 1.5 };
  const after = { color: 'var(--after)' };
  const option = {
    grid: { left: labelWidth(names), right: 48, top: 12, bottom: 28, outerBoundsMode: 'none' },
    xAxis: { type: 'value', splitLine, axisLabel: { ...axisLabel, hideOverlap: true }, minInterval: 1 },
    yAxis: nameAxis(names),
    series: [...(baseline ? [errorSeries(baseline, before)] : []), errorSeries(evaluation, after)],
  };
  return draw(option, width, 40 + names.length * (baseline ? 42 : 26));
}

function errorSeries(evaluation: Evaluation, itemStyle: object) {
  return {
    type: 'bar',
    silent: true,
    data: perClass(evaluation).map(({ errors, support }) => (support === 0 ? null : errors)),
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
  };
}

/** How the update of each layer spreads over its directions: shares of its squared Frobenius norm, in per cent. */
export function rankBars(layers: readonly LayerRank[], width: number): string {
  const names = layers.map(({ layer }) => shorten(layer, width / 20));
  const maxRank = Math.max(...layers.map(({ rank }) => rank));
  const series = Array.from({ length: maxRank }, (_, direction) => ({
    type: 'bar',
    stack: 'rank',
    silent: true,
    barWidth: 18,
    data: layers.map((layer) => sharePercent(layer, direction)),
    itemStyle: {
      color: 'var(--after)',
      opacity: Number((1 - (0.7 * direction) / Math.max(maxRank - 1, 1)).toFixed(3)),
      borderColor: 'var(--page)',
      borderWidth: 1.5,
    },
  }));
  const option = {
    grid: { left: labelWidth(names), right: 24, top: 12, bottom: 28, outerBoundsMode: 'none' },
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

function sharePercent({ rank, singularValues }: LayerRank, direction: number): number {
  const total = singularValues.reduce((sum, value) => sum + value ** 2, 0);
  if (total === 0 || direction >= rank) return 0;
  return ((singularValues[direction] ?? 0) ** 2 / total) * 100;
}

/** A category axis with the first name at the top. */
function nameAxis(names: readonly string[]) {
  return {
    type: 'category',
    data: names,
    inverse: true,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: muted } },
    axisLabel: { ...text, color: ink, interval: 0 },
  };
}
