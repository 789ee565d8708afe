import { formatPercent } from '../../../text/index.ts';
import type { Tradeoff, ValidationCurve } from '../../schema.ts';
import { axisLabel, draw, grid, muted, splitLine, text } from './draw.ts';

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
export function accuracyLine(points: ValidationCurve['points'], width: number): string {
  const series = {
    type: 'line',
    silent: true,
    data: points.map(({ step, accuracy }) => [step, accuracy]),
    symbol: 'circle',
    symbolSize: 6,
    itemStyle: { color: 'var(--after)' },
    lineStyle: { color: 'var(--after)', width: 2.5 },
  };
  const formatter = (value: number) => `${formatPercent(value)} %`;
  const last = points.at(-1)?.step ?? 1;
  return stepChart(
    [series],
    last,
    { type: 'value', scale: true, axisLabel: { ...axisLabel, formatter } },
    width,
  );
}

/**
 * Gain of the target classes (solid) and loss of the others (dashed) along steps or strengths, in points; the budget is the red floor,
 * the mark is what was kept.
 */
export function tradeoffLines(
  points: readonly (Tradeoff & { readonly at: number })[],
  { maxDrop, kept, name }: { maxDrop: number; kept?: number; name: string },
  width: number,
): string {
  const last = points.at(-1)?.at ?? 1;
  const line = (values: [number, number][], color: string, type: 'solid' | 'dashed' | 'dotted') => ({
    type: 'line',
    silent: true,
    symbol: 'circle',
    symbolSize: (value: [number, number]) => (value[0] === kept ? 10 : 0),
    data: values,
    itemStyle: { color },
    lineStyle: { color, width: type === 'dotted' ? 1.5 : 2.5, type },
  });
  const series = [
    line(
      points.map(({ at, gain }) => [at, gain * 100]),
      'var(--after)',
      'solid',
    ),
    line(
      points.map(({ at, drop }) => [at, -drop * 100]),
      'var(--heat)',
      'dashed',
    ),
    line(
      [
        [0, -maxDrop * 100],
        [last, -maxDrop * 100],
      ],
      'var(--muted)',
      'dotted',
    ),
  ];
  return stepChart(series, last, { type: 'value' }, width, name);
}

function stepChart(series: object[], last: number, yAxis: object, width: number, name = 'step'): string {
  const option = {
    grid: { ...grid, bottom: 30 },
    xAxis: {
      type: 'value',
      min: 0,
      max: last,
      name,
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
