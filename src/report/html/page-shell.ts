import { html, Markup } from './markup.ts';
import { style } from './style.ts';

/** A page as a single HTML file, without scripts and network requests. */
export function page(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title} – tfjs-lora</title>
<style>${new Markup(style)}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`.text;
}
