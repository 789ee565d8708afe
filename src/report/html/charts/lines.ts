import { formatPercent } from '../../../text/index.ts';
import type { Tradeoff, ValidationCurve } from '../../schema.ts';
import { axisLabel, draw, muted, splitLine, text } from './draw.ts';

type Point = [x: number, y: number];

/** The loss of each step as a thin line, and its running mean as a bold line. */
export function lossLine(losses: Float32Array, width: number): string {
  const window = Math.max(1, Math.round(losses.length / 40));
  const line = (data: Point[], color: string, lineWidth: number) => ({
    type: 'line',
    silent: true,
    showSymbol: false,
    data,
    lineStyle: { color, width: lineWidth },
  });
  const steps = Array.from(losses, (loss, index): Point => [index + 1, loss]);
  // At most one point per pixel.
  const eachStep = line(thinOut(steps, width), 'var(--before)', 0.75);
  const mean = line(thinOut(runningMean(losses, window), 400), 'var(--after)', 2.5);
  return lineChart(window > 1 ? [eachStep, mean] : [mean], { max: losses.length, yAxis: { min: 0 } }, width);
}

/** Accuracy on the validation set while training. */
export function accuracyLine(points: ValidationCurve['points'], width: number): string {
  const series = {
    type: 'line',
    silent: true,
    data: points.map(({ step, accuracy }): Point => [step, accuracy]),
    symbol: 'circle',
    symbolSize: 6,
    itemStyle: { color: 'var(--after)' },
    lineStyle: { color: 'var(--after)', width: 2.5 },
  };
  const yAxis = {
    scale: true,
    axisLabel: { ...axisLabel, formatter: (value: number) => `${formatPercent(value)} %` },
  };
  return lineChart([series], { max: points.at(-1)?.step ?? 1, yAxis }, width);
}

/**
 * Gain of the target classes (solid), change of the other class that lost most (dashed) and the budget (dotted), in
 * points, against steps or strengths. A circle marks the step or strength that was kept.
 */
export function tradeoffLines(
  points: readonly (Tradeoff & { readonly x: number })[],
  { maxDrop, keptX, xName }: { readonly maxDrop: number; readonly keptX: number; readonly xName: string },
  width: number,
): string {
  const max = points.at(-1)?.x ?? 1;
  const line = (data: Point[], color: string, type: 'solid' | 'dashed' | 'dotted') => ({
    type: 'line',
    silent: true,
    symbol: 'circle',
    symbolSize: ([x]: Point) => (x === keptX ? 10 : 0),
    data,
    itemStyle: { color },
    lineStyle: { color, width: type === 'dotted' ? 1.5 : 2.5, type },
  });
  const gains = points.map(({ x, gain }): Point => [x, gain * 100]);
  const drops = points.map(({ x, drop }): Point => [x, -drop * 100]);
  const budget: Point[] = [
    [0, -maxDrop * 100],
    [max, -maxDrop * 100],
  ];
  const series = [
    line(gains, 'var(--after)', 'solid'),
    line(drops, 'var(--heat)', 'dashed'),
    line(budget, 'var(--muted)', 'dotted'),
  ];
  return lineChart(series, { max, xName }, width);
}

function lineChart(
  series: object[],
  { max, xName = 'step', yAxis }: { readonly max: number; readonly xName?: string; readonly yAxis?: object },
  width: number,
): string {
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
      type: 'value',
      min: 0,
      max,
      name: xName,
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { ...text, color: muted },
      splitLine: { show: false },
      axisLine: { show: true, onZero: false, lineStyle: { color: muted } },
      axisTick: { lineStyle: { color: muted } },
      axisLabel: { ...axisLabel, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      splitLine,
      axisLabel,
      axisLine: { show: false },
      axisTick: { show: false },
      ...yAxis,
    },
    series,
  };
  return draw(option, width, 260);
}

/** The mean of each loss and up to `window - 1` losses before it, by step. */
function runningMean(losses: Float32Array, window: number): Point[] {
  let sum = 0;
  return Array.from(losses, (loss, index): Point => {
    sum += loss - (index >= window ? losses[index - window]! : 0);
    return [index + 1, sum / Math.min(index + 1, window)];
  });
}

/** Every n-th point and the last one, about `limit` points at most. */
function thinOut(points: Point[], limit: number): Point[] {
  const every = Math.ceil(points.length / limit);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}
