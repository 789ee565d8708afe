// What other rooms use to render pages that look like a report.
export { axisLabel, draw, ink, muted, splitLine, text } from './charts/draw.ts';
export { html, Markup } from './markup.ts';
export { page } from './page-shell.ts';
export { chart } from './sections.ts';
