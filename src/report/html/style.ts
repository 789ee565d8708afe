const light = `
  --page: #ffffff; --panel: #f6f7f9; --ink: #1c2128; --muted: #59636e; --faint: #b4bcc5; --line: #dfe3e8;
  --before: #7d8894; --after: #0b62b8; --better: #0a5f8a; --worse: #a8480a; --heat: #d4560f; --on-heat: #ffffff; --on-warm: #1c2128;
  --diagonal: #e9edf2; --digit-filter: invert(1); --digit-edge: #201d18;`;

const dark = `
  --page: #11161c; --panel: #1a2129; --ink: #e8edf2; --muted: #9ba7b4; --faint: #4a5561; --line: #2c353f;
  --before: #93a0ad; --after: #5ab0f7; --better: #6fc3ff; --worse: #ffab70; --heat: #f08a4b; --on-heat: #11161c; --on-warm: #11161c;
  --diagonal: #232c36; --digit-filter: none; --digit-edge: #2c353f;`;

/** The style sheet of the page. Light, dark, narrow and printed pages share one set of variables. */
export const style = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 0.25rem; }
p { margin: 0.25rem 0; max-width: 46rem; overflow-wrap: anywhere; }
section { margin-top: 2.75rem; }
.note, figcaption, footer { color: var(--muted); font-size: 0.875rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 16.5rem), 1fr)); gap: 1rem; margin-top: 1.75rem; }
.figures > div { background: var(--panel); border-radius: 0.5rem; padding: 0.9rem 1.1rem 1rem; }
.figures dt { color: var(--muted); font-size: 0.875rem; }
.figures dd { margin: 0; font-variant-numeric: tabular-nums; }
.figures .value { font-size: 1.6rem; line-height: 1.3; font-weight: 650; white-space: nowrap; }
.better { color: var(--better); } .worse { color: var(--worse); }
.gates { list-style: none; margin: 0.75rem 0 0; padding: 0; border-top: 1px solid var(--line); }
.gates li { display: grid; grid-template-columns: 6.25rem 1fr; padding: 0.45rem 0; border-bottom: 1px solid var(--line); }
.gates b { font-weight: 650; white-space: nowrap; }
.scroll { overflow-x: auto; margin-top: 0.75rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.34rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--muted); }
th:first-child { text-align: left; padding-left: 0; } td:last-child, th:last-child { padding-right: 0; }
tbody th { color: var(--ink); font-weight: 600; }
thead tr:not(:last-child) > * { text-align: center; border-bottom-color: transparent; padding-bottom: 0; }
.compact { max-width: 34rem; } .compact tbody th { white-space: normal; }
tfoot td, tfoot th { font-weight: 650; color: var(--ink); }
tbody + tfoot tr:first-child > * { border-top: 2px solid var(--muted); }
.tag { display: inline-block; margin-left: 0.5rem; padding: 0 0.4rem; border: 1px solid var(--muted); border-radius: 0.6rem;
  color: var(--muted); font-size: 0.72rem; font-weight: 500; line-height: 1.35; }
figure { margin: 0.75rem 0 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; }
figure .small { display: none; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 2.5rem; }
.pair figure { max-width: 32rem; }
.pair figcaption { margin-bottom: 0.25rem; }
.key { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin-top: 0.5rem; }
.key span::before { content: ""; display: inline-block; width: 0.8rem; height: 0.8rem; margin-right: 0.45rem; vertical-align: -0.08em;
  border: 2px solid var(--after); background: var(--after); }
.key .hollow::before { background: none; border-color: var(--before); }
.key .thin::before { height: 0; border-width: 1px 0 0; border-color: var(--before); vertical-align: 0.3em; background: none; }
.key .bold::before { height: 0; border-width: 3px 0 0; vertical-align: 0.22em; background: none; }
.key .dashed::before { height: 0; width: 1.1rem; border-width: 3px 0 0; border-style: dashed; border-color: var(--heat); vertical-align: 0.22em; background: none; }
.key .dotted::before { height: 0; width: 1.1rem; border-width: 2px 0 0; border-style: dotted; border-color: var(--muted); vertical-align: 0.22em; background: none; }
.key .dot::before { width: 0.65rem; height: 0.65rem; border-radius: 50%; }
.digits { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.1rem, 1fr)); gap: 1.1rem 0.75rem; margin: 0.75rem 0 0;
  padding: 0; list-style: none; }
.digits li { font-size: 0.8rem; line-height: 1.35; color: var(--muted); }
.digits img { display: block; width: 100%; max-width: 6rem; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated;
  filter: var(--digit-filter); border-radius: 0.25rem; margin-bottom: 0.3rem; }
@media screen { .digits img { outline: 1px solid var(--digit-edge); } }
.digits b { display: block; color: var(--ink); font-size: 0.84rem; }
h3 { font-size: 0.95rem; margin: 1.5rem 0 0; }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
footer p { max-width: none; }
@media screen and (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.4rem; }
  section { margin-top: 2.25rem; }
  figure .large { display: none; } figure .small { display: block; }
}
@media print {
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  section { margin-top: 1.5rem; }
  .figures { grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); grid-template-columns: none; } .figures .value { font-size: 1.1rem; }
  .pair { grid-template-columns: 1fr 1fr; gap: 1rem; } .digits { grid-template-columns: repeat(9, 1fr); gap: 0.6rem 0.5rem; }
  .digits li { font-size: 0.6rem; } .digits b { font-size: 0.66rem; } h2 + .note { break-after: avoid; } .scroll + .note { break-before: avoid; }
  .key span::before, .figures > div { print-color-adjust: exact; }
  figure, tr, .digits li, .figures > div, .gates li { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .figures > div { border: 1px solid var(--line); }
  .scroll { overflow: visible; } table { font-size: 8pt; } th, td { padding: 0.22rem 0.3rem; } tbody th { white-space: normal; }
  a { color: inherit; }
}
@page { margin: 1.6cm; }
`;
