import type { ImageDataset } from '../../data/index.ts';
import { formatPercent } from '../../text/index.ts';
import type { Report } from '../report.ts';
import { resultsOf } from '../results.ts';
import type { Results } from '../schema.ts';
import { classWord, settings, title } from '../wording.ts';
import { html, Markup } from './markup.ts';
import {
  confusionSection,
  errorsSection,
  gatesSection,
  guardSection,
  headline,
  mistakesSection,
  rankSection,
  trainingSection,
} from './sections.ts';
import { style } from './style.ts';
import { comparisonTable, evaluationTable, movedTable } from './tables.ts';

/** A report as one HTML file that needs no network and no scripts. */
export function renderHtml(report: Report, { images }: { images?: ImageDataset } = {}): string {
  const results = resultsOf(report);
  const word = classWord(report.evaluation.classNames);
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title(report.run)} – tfjs-lora</title>
<style>${new Markup(style)}</style>
</head>
<body><main>
<header><h1>${title(report.run)}</h1><p class="note">${settings(report)}</p>
${report.baseline && html`<p class="note">Before: ${report.baseline.name}. After: ${report.evaluation.name}.</p>`}
${headline(word, results)}</header>
${gatesSection(report)}
${tableSection(word, results)}
${errorsSection(word, report)}
${confusionSection(report, results)}
${movedSection(results)}
${mistakesSection(report, images)}
${report.training && trainingSection(report.training)}
${guardSection(word, report)}
${report.layers && report.layers.length > 0 && rankSection(report.layers)}
${footer(report)}
</main></body>
</html>
`;
  return text;
}

function tableSection(word: string, { evaluation, baseline, comparison }: Results): Markup {
  if (!comparison || !baseline) {
    return html`<section><h2>Each ${word}</h2>${evaluationTable(word, evaluation)}</section>`;
  }
  return html`<section><h2>Each ${word}</h2>${comparisonTable(word, comparison)}
<p class="note">▲ ▼ beyond noise: exact McNemar test on the images that changed, Holm-corrected over the classes, p&nbsp;&lt;&nbsp;0.05.</p>
<p class="note">Macro F1 ${formatPercent(baseline.macro.f1)} → ${formatPercent(evaluation.macro.f1)} %; calibration error ${formatPercent(baseline.calibrationError)} → ${formatPercent(evaluation.calibrationError)} %; loss ${baseline.loss.toFixed(4)} → ${evaluation.loss.toFixed(4)}.</p></section>`;
}

function movedSection({ comparison }: Results): Markup | undefined {
  if (!comparison || comparison.topConfusionChanges.length === 0) return undefined;
  return html`<section><h2>Mistakes that moved most</h2>${movedTable(comparison.topConfusionChanges)}</section>`;
}

function footer({ createdAt, run }: Report): Markup {
  const facts = [
    run.engine && `engine ${run.engine}`,
    run.device && `device ${run.device}`,
    run.contentHash && `base ${run.contentHash.slice(0, 12)}`,
    ...Object.entries(run.versions).map(([name, version]) => `${name} ${version}`),
  ].filter(Boolean);
  return html`<footer><p>${facts.join(' · ')}</p><p>Made <time datetime="${createdAt}">${createdAt}</time> by tfjs-lora. Every number follows from report.json.</p></footer>`;
}
