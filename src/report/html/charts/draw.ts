import type { EChartsCoreOption } from 'echarts/core';
// The parts that are used take half a second to load, file by file; all of echarts in one file takes a tenth of that.
import { init } from 'echarts/dist/echarts.esm.min';

export const FONT = 'system-ui, sans-serif';
const FONT_SIZE = 13;
/** Colours are CSS variables of the page, so that one drawing serves light, dark and print. */
export const ink = 'var(--ink)';
export const muted = 'var(--muted)';
export const grid = {
  left: 8,
  right: 16,
  top: 12,
  bottom: 8,
  outerBoundsMode: 'same',
  outerBoundsContain: 'axisLabel',
};
export const text = { fontFamily: FONT, fontSize: FONT_SIZE };
export const splitLine = { lineStyle: { color: 'var(--line)' } };
export const axisLabel = { ...text, color: muted };

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

/** Room for the longest of some labels; wide enough for any font, because no font is at hand to measure. */
export function labelRoom(labels: readonly string[]): number {
  return Math.max(...labels.map((label) => label.length)) * 0.62 * FONT_SIZE + 12;
}
