import type { ImageDataset } from '../../data/index.ts';
import type { Report } from '../report.ts';
import { resultsOf } from '../results.ts';
import { classWord, settings, title } from '../wording.ts';
import { html, type Markup } from './markup.ts';
import { page } from './page-shell.ts';
import {
  changedConfusionsSection,
  classesSection,
  confusionSection,
  errorsSection,
  gatesSection,
  guardSection,
  headline,
  rankSection,
  trainingSection,
  worstMistakesSection,
} from './sections.ts';

/**
 * A report as a single HTML file, without scripts and network requests.
 *
 * @param options.images the evaluated images, to show the worst mistakes
 */
export function renderHtml(report: Report, { images }: { images?: ImageDataset } = {}): string {
  const results = resultsOf(report);
  const word = classWord(report.evaluation.classNames);
  return page(
    title(report.run),
    html`<header><h1>${title(report.run)}</h1><p class="note">${settings(report)}</p>
${report.baseline && html`<p class="note">Before: ${report.baseline.name}. After: ${report.evaluation.name}.</p>`}
${headline(word, results)}</header>
${gatesSection(report)}
${classesSection(word, results)}
${errorsSection(word, report)}
${confusionSection(report, results)}
${changedConfusionsSection(results)}
${worstMistakesSection(report, images)}
${trainingSection(report)}
${guardSection(word, report)}
${rankSection(report)}
${footer(report)}`,
  );
}

function footer({ createdAt, run }: Report): Markup {
  const facts = [
    run.engine && `engine ${run.engine}`,
    run.device && `device ${run.device}`,
    run.contentHash && `base ${run.contentHash.slice(0, 12)}`,
    ...Object.entries(run.versions).map(([name, version]) => `${name} ${version}`),
  ].filter(Boolean);
  return html`<footer><p>${facts.join(' · ')}</p><p>Created <time datetime="${createdAt}">${createdAt}</time> by tfjs-lora. All numbers can be computed from report.json.</p></footer>`;
}
