import type { ImageDataset } from '../../data/index.ts';
import { type Change, type Mistake, worstMistakes } from '../../metrics/index.ts';
import { encodeGreyPng } from '../../pictures/index.ts';
import { formatCount, formatPercent, formatPoints, formatPValue } from '../../text/index.ts';
import { areEvaluatedImages } from '../evaluated-images.ts';
import type { Report } from '../report.ts';
import type { EvaluationResults, Results, Tradeoff } from '../schema.ts';
import { type ClassWord, guardLines, pluralOf } from '../wording.ts';
import { errorBars, rankBars } from './charts/bars.ts';
import { confusionMap } from './charts/confusion-map.ts';
import { accuracyLine, lossLine, tradeoffLines } from './charts/lines.ts';
import { html, Markup } from './markup.ts';
import { comparisonTable, confusionsTable, evaluationTable, rankTable, withMinusSign } from './tables.ts';

/** Widths of charts in pixels, for wide and for narrow pages. The style sheet shows one of the two. */
const LARGE = 940;
const SMALL = 350;

/** How many of the worst mistakes are shown. */
const MAX_MISTAKES = 18;

/** A chart; the label describes it to readers who cannot see it. */
export function chart(label: string, draw: (width: number) => string): Markup {
  return html`<figure role="img" aria-label="${label}"><div class="large">${new Markup(draw(LARGE))}</div><div class="small">${new Markup(draw(SMALL))}</div></figure>`;
}

/** The most important numbers. */
export function headline(word: ClassWord, { evaluation, comparison }: Results): Markup {
  if (comparison) {
    const { total, target, other } = comparison;
    return html`<dl class="figures">${[
      changeFigure('total accuracy', total),
      target && changeFigure(`target ${pluralOf(word)}`, target),
      other && changeFigure(`other ${pluralOf(word)}`, other),
    ]}</dl>`;
  }
  const { total, macro, calibrationError, loss } = evaluation;
  const errors = `${formatCount(total.errors)} of ${formatCount(total.support)} wrong`;
  return html`<dl class="figures">${[
    figure('accuracy', `${formatPercent(total.accuracy)} %`, errors),
    figure('macro F1', `${formatPercent(macro.f1)} %`, 'mean over the classes'),
    figure(
      'calibration error',
      `${formatPercent(calibrationError)} %`,
      'distance of confidence from accuracy',
    ),
    figure('loss', loss.toFixed(4), 'mean cross entropy'),
  ]}</dl>`;
}

function figure(name: string, value: string, detail: string): Markup {
  return html`<div><dt>${name}</dt><dd class="value">${value}</dd><dd class="note">${detail}</dd></div>`;
}

function changeFigure(name: string, change: Change): Markup {
  const { before, after, gain, fixed, broken, pValue, significant } = change;
  const direction = !significant ? '' : fixed > broken ? 'better' : 'worse';
  const verdict = significant
    ? `significant, p\u00a0${formatPValue(pValue).replace(/^(?=\d)/, '=\u00a0')}`
    : 'not significant';
  return html`<div><dt>${name}</dt><dd class="value">${formatPercent(before.accuracy)} → ${formatPercent(after.accuracy)} %</dd>
<dd><b class="${direction}">${withMinusSign(formatPoints(gain))} points</b>, ${verdict}</dd>
<dd class="note">wrong ${formatCount(before.errors)} → ${formatCount(after.errors)}: ${formatCount(fixed)} fixed, ${formatCount(broken)} broken</dd></div>`;
}

export function gatesSection({ gates = [] }: Report): Markup | undefined {
  if (gates.length === 0) return undefined;
  const met = gates.filter(({ passed }) => passed).length;
  return html`<section><h2>Gates: ${met} of ${gates.length} met</h2><ul class="gates">${gates.map(
    ({ passed, message }) =>
      html`<li><b class="${passed ? 'better' : 'worse'}">${passed ? '✓ met' : '✗ not met'}</b><span>${message}</span></li>`,
  )}</ul></section>`;
}

/** The table of all classes. */
export function classesSection(word: ClassWord, { evaluation, baseline, comparison }: Results): Markup {
  if (!comparison || !baseline) {
    return html`<section><h2>Each ${word}</h2>${evaluationTable(word, evaluation)}</section>`;
  }
  return html`<section><h2>Each ${word}</h2>${comparisonTable(word, comparison)}
<p class="note">▲ ▼ significant: exact McNemar test on the images that changed, Holm-corrected over the classes, p&nbsp;&lt;&nbsp;0.05.</p>
<p class="note">Macro F1 ${formatPercent(baseline.macro.f1)} → ${formatPercent(evaluation.macro.f1)} %; calibration error ${formatPercent(baseline.calibrationError)} → ${formatPercent(evaluation.calibrationError)} %; loss ${baseline.loss.toFixed(4)} → ${evaluation.loss.toFixed(4)}.</p></section>`;
}

export function errorsSection(word: ClassWord, { evaluation, baseline, targetLabels }: Report): Markup {
  return html`<section><h2>Wrong ${baseline ? 'before and after' : `per ${word}`}</h2>
${baseline && html`<div class="key note"><span class="hollow">before: ${baseline.name}</span><span>after: ${evaluation.name}</span></div>`}
${chart(`Bars of the wrong counts of each ${word}; the table above has the numbers.`, (width) =>
  errorBars(evaluation, baseline, targetLabels, width),
)}</section>`;
}

export function confusionSection(report: Report, { evaluation, baseline }: Results): Markup {
  const { classNames } = report.evaluation;
  const largestCount = Math.max(largestOffDiagonal(evaluation), baseline ? largestOffDiagonal(baseline) : 0);
  const map = (name: string, { confusionMatrix }: EvaluationResults) =>
    html`<figure role="img" aria-label="${`Confusion matrix, ${name}. ${matrixInWords(classNames, confusionMatrix)}`}"><figcaption>${name}</figcaption>${new Markup(confusionMap(classNames, confusionMatrix, largestCount))}</figure>`;
  return html`<section><h2>Confusion matrix</h2>
<p class="note">Rows are true classes, columns are predicted classes. Cells off the diagonal are shaded by their count${baseline && ', on the same scale in both matrices'}.</p>
<div class="pair">${[
    baseline && map(`before: ${report.baseline!.name}`, baseline),
    map(baseline ? `after: ${report.evaluation.name}` : report.evaluation.name, evaluation),
  ]}</div></section>`;
}

function largestOffDiagonal({ confusionMatrix }: EvaluationResults): number {
  return Math.max(0, ...confusionMatrix.flatMap((row, truth) => row.filter((_, column) => column !== truth)));
}

/** The most frequent confusions of a matrix as a sentence. */
function matrixInWords(classNames: readonly string[], matrix: readonly (readonly number[])[]): string {
  const confusions = matrix
    .flatMap((row, truth) => row.map((count, predicted) => ({ truth, predicted, count })))
    .filter(({ truth, predicted, count }) => truth !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, 5);
  const words = confusions.map(
    ({ truth, predicted, count }) =>
      `${classNames[truth]} predicted as ${classNames[predicted]} ${count} times`,
  );
  return words.length > 0 ? `Most frequent confusions: ${words.join(', ')}.` : 'No misclassified examples.';
}

export function changedConfusionsSection({ comparison }: Results): Markup | undefined {
  if (!comparison || comparison.topConfusionChanges.length === 0) return undefined;
  return html`<section><h2>Confusions that changed most</h2>${confusionsTable(comparison.topConfusionChanges)}</section>`;
}

/** The misclassified examples with the highest confidence, with their images if these are the evaluated ones. */
export function worstMistakesSection(report: Report, images?: ImageDataset): Markup | undefined {
  const { evaluation, baseline } = report;
  const groups = [
    ...(baseline
      ? [
          {
            heading: 'Correct before, misclassified after',
            mistakes: worstMistakes(evaluation, MAX_MISTAKES, baseline),
          },
        ]
      : []),
    {
      heading: baseline ? 'All' : '',
      mistakes: worstMistakes(evaluation, MAX_MISTAKES),
    },
  ].filter(({ mistakes }) => mistakes.length > 0);
  if (groups.length === 0) return undefined;
  const evaluated = images && areEvaluatedImages(images, evaluation) ? images : undefined;
  return html`<section><h2>Worst mistakes</h2>
<p class="note">Misclassified examples, highest confidence first.</p>${groups.map(
    ({ heading, mistakes }) =>
      html`${heading !== '' && html`<h3>${heading}</h3>`}<ul class="digits">${mistakes.map((mistake) => mistakeItem(mistake, evaluated))}</ul>`,
  )}</section>`;
}

function mistakeItem({ index, truth, predicted, confidence }: Mistake, images?: ImageDataset): Markup {
  const image = images && html`<img alt="${`a ${truth}`}" src="${imageDataUri(images, index)}">`;
  return html`<li>${image}<b>${truth}, predicted as ${predicted}</b>confidence ${formatPercent(confidence)} %<br>example ${index}</li>
`;
}

function imageDataUri({ images, height, width }: ImageDataset, index: number): string {
  const size = height * width;
  const png = encodeGreyPng(images.subarray(index * size, (index + 1) * size), { height, width });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

export function trainingSection({ training }: Report): Markup | undefined {
  if (!training) return undefined;
  const { losses, validation } = training;
  if (losses.length < 2 && !validation) return undefined;
  return html`<section><h2>Training</h2>${
    losses.length > 1 &&
    html`<h3>Loss over ${formatCount(losses.length)} steps</h3>
<div class="key note"><span class="thin">each step</span><span class="bold">running mean</span></div>
${chart(`Loss of each step, from ${losses[0]!.toFixed(3)} to ${losses.at(-1)!.toFixed(3)}.`, (width) => lossLine(losses, width))}`
  }${
    validation &&
    validation.points.length > 0 &&
    html`<h3>Accuracy on ${formatCount(validation.examples)} validation examples</h3>
${chart(`Accuracy, from ${formatPercent(validation.points[0]!.accuracy)} to ${formatPercent(validation.points.at(-1)!.accuracy)} per cent.`, (width) => accuracyLine(validation.points, width))}`
  }</section>`;
}

export function guardSection(word: ClassWord, report: Report): Markup | undefined {
  if (!report.guard) return undefined;
  const { examples, training, strengthSearch } = report.guard;
  return html`<section><h2>Guard against forgetting</h2>
${guardLines(report).map((line) => html`<p class="note">${line}</p>`)}
<div class="key note"><span class="bold">target ${pluralOf(word)}, points</span><span class="dashed">other ${word} that lost most</span><span class="dotted">budget</span><span class="dot">kept</span></div>
${
  training &&
  tradeoffChart(`While training, on ${formatCount(examples)} validation examples`, report.guard, {
    xName: 'step',
    points: training.checks.map((check) => ({ ...check, x: check.step })),
    keptX: training.keptStep,
  })
}
${
  strengthSearch &&
  tradeoffChart('After training, by strength', report.guard, {
    xName: 'strength of the adapter',
    points: strengthSearch.checks.map((check) => ({ ...check, x: check.strength })),
    keptX: strengthSearch.keptStrength,
  })
}</section>`;
}

/** Gain and drop against steps or strengths; nothing to draw with a single check. */
function tradeoffChart(
  heading: string,
  { maxDrop }: { readonly maxDrop: number },
  {
    xName,
    points,
    keptX,
  }: {
    readonly xName: string;
    readonly points: readonly (Tradeoff & { readonly x: number })[];
    readonly keptX: number;
  },
): Markup | undefined {
  const last = points.at(-1);
  if (points.length < 2 || !last) return undefined;
  const label = `Gain and loss in points against the ${xName}; at ${last.x} a gain of ${formatPoints(last.gain)} and a worst change of ${formatPoints(-last.drop)}.`;
  return html`<h3>${heading}</h3>${chart(label, (width) => tradeoffLines(points, { maxDrop, keptX, xName }, width))}`;
}

export function rankSection({ layers = [] }: Report): Markup | undefined {
  if (layers.length === 0) return undefined;
  return html`<section><h2>Use of the rank</h2>
<p class="note">How much of each layer’s update (of its squared norm) each direction carries, largest first. “Used” is the effective rank: 1 if a single direction carries the whole update. Where it is low, a lower rank would do.</p>
${rankTable(layers)}
${chart('Bars of the shares of the directions; the table above has the numbers.', (width) => rankBars(layers, width))}</section>`;
}
