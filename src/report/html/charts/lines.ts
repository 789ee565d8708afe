import { percent } from '../../format.ts';
import type { AccuracyPoint } from '../../report.ts';
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
