import { init } from './echarts.ts';

export const FONT = 'system-ui, sans-serif';
const FONT_SIZE = 13;

// Options that all charts share. Colours are CSS variables, so that one drawing serves light, dark and print.
export const ink = 'var(--ink)';
export const muted = 'var(--muted)';
export const text = { fontFamily: FONT, fontSize: FONT_SIZE };
export const axisLabel = { ...text, color: muted };
export const splitLine = { lineStyle: { color: 'var(--line)' } };

/**
 * Draws a chart as SVG markup.
 *
 * The same chart always gives the same bytes. For this, styles, classes and clip paths are removed: echarts names them
 * with counters of the process, and they only matter for hovering and for drawing outside of the grid.
 *
 * @param option the chart in echarts' words
 * @param width in CSS pixels
 * @param height in CSS pixels
 */
export function draw(option: object, width: number, height: number): string {
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

/** Width in pixels for the longest label; generous, because there are no font metrics on the server. */
export function labelWidth(labels: readonly string[]): number {
  return Math.max(...labels.map((label) => label.length)) * 0.62 * FONT_SIZE + 12;
}
