import type { ImageDataset } from '../../data/index.ts';
import { type Change, type Evaluation, type Mistake, worstMistakes } from '../../metrics/index.ts';
import { formatCount, formatPercent, formatPValue, formatPoints as pointsOf } from '../../text/index.ts';
import type { Report, TrainingCurve } from '../report.ts';
import type { EvaluationResults, LayerRank, Results, Tradeoff } from '../schema.ts';
import { type ClassWord, guardLines, pluralOf } from '../wording.ts';
import { errorBars, rankBars } from './charts/bars.ts';
import { confusionMap } from './charts/confusion-map.ts';
import { accuracyLine, lossLine, tradeoffLines } from './charts/lines.ts';
import { imageUri } from './image-uri.ts';
import { html, Markup } from './markup.ts';
import { minus, rankTable } from './tables.ts';

const LARGE = 940;
const SMALL = 350;
const SHOWN_MISTAKES = 18;

/** A chart drawn for wide and for narrow pages; the label says what it shows to those who don't see it. */
function chart(label: string, build: (width: number) => string): Markup {
  return html`<figure role="img" aria-label="${label}"><div class="large">${new Markup(build(LARGE))}</div><div class="small">${new Markup(build(SMALL))}</div></figure>`;
}

/** The figures that matter most. */
export function headline(word: ClassWord, { evaluation, comparison }: Results): Markup {
  if (!comparison) {
    const { total, macro, calibrationError, loss } = evaluation;
    return html`<dl class="figures">${[
      figure(
        'accuracy',
        `${formatPercent(total.accuracy)} %`,
        `${formatCount(total.errors)} of ${formatCount(total.support)} wrong`,
      ),
      figure('macro F1', `${formatPercent(macro.f1)} %`, 'mean over the classes'),
      figure(
        'calibration error',
        `${formatPercent(calibrationError)} %`,
        'distance of confidence from accuracy',
      ),
      figure('loss', loss.toFixed(4), 'mean cross entropy'),
    ]}</dl>`;
  }
  return html`<dl class="figures">${[
    changeFigure('total accuracy', comparison.total),
    comparison.target && changeFigure(`target ${pluralOf(word)}`, comparison.target),
    comparison.other && changeFigure(`other ${pluralOf(word)}`, comparison.other),
  ]}</dl>`;
}

function figure(name: string, value: string, detail: string): Markup {
  return html`<div><dt>${name}</dt><dd class="value">${value}</dd><dd class="note">${detail}</dd></div>`;
}

function changeFigure(
  name: string,
  { before, after, gain, fixed, broken, pValue, significant }: Change,
): Markup {
  const direction = !significant ? '' : fixed > broken ? 'better' : 'worse';
  const verdict = significant
    ? `beyond noise, p\u00a0${formatPValue(pValue).replace(/^(?=\d)/, '=\u00a0')}`
    : 'may be chance';
  return html`<div><dt>${name}</dt><dd class="value">${formatPercent(before.accuracy)} → ${formatPercent(after.accuracy)} %</dd>
<dd><b class="${direction}">${minus(pointsOf(gain))} points</b>, ${verdict}</dd>
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

export function errorsSection(word: string, { evaluation, baseline, targetLabels }: Report): Markup {
  return html`<section><h2>Wrong ${baseline ? 'before and after' : 'per'} ${baseline ? '' : word}</h2>
${baseline && html`<div class="key note"><span class="hollow">before: ${baseline.name}</span><span>after: ${evaluation.name}</span></div>`}
${chart(`Bars of the wrong counts of each ${word}; the table above has the numbers.`, (width) =>
  errorBars(evaluation, baseline, targetLabels, width),
)}</section>`;
}

export function confusionSection(report: Report, { evaluation, baseline }: Results): Markup {
  const { classNames } = report.evaluation;
  const most = Math.max(...[evaluation, baseline].map((one) => (one ? mostMistakes(one) : 0)));
  const map = (name: string, { confusionMatrix }: EvaluationResults) =>
    html`<figure role="img" aria-label="${`Confusion matrix, ${name}. ${matrixInWords(classNames, confusionMatrix)}`}"><figcaption>${name}</figcaption>${new Markup(confusionMap(classNames, confusionMatrix, most))}</figure>`;
  return html`<section><h2>What is read as what</h2>
<p class="note">Rows are true classes, columns predictions. Mistakes are shaded by their number${baseline && ', on one scale for both'}; right answers stay plain.</p>
<div class="pair">${[
    baseline && map(`before: ${report.baseline!.name}`, baseline),
    map(baseline ? `after: ${report.evaluation.name}` : report.evaluation.name, evaluation),
  ]}</div></section>`;
}

function mostMistakes({ confusionMatrix }: EvaluationResults): number {
  return Math.max(0, ...confusionMatrix.flatMap((row, truth) => row.filter((_, column) => column !== truth)));
}

/** The largest mistakes of a matrix, for those who don't see it. */
function matrixInWords(classNames: readonly string[], matrix: readonly (readonly number[])[]): string {
  const mistakes = matrix
    .flatMap((row, truth) => row.map((value, predicted) => ({ truth, predicted, value })))
    .filter(({ truth, predicted, value }) => truth !== predicted && value > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, 5);
  const words = mistakes.map(
    ({ truth, predicted, value }) => `${classNames[truth]} read as ${classNames[predicted]} ${value} times`,
  );
  return words.length > 0 ? `Most frequent mistakes: ${words.join(', ')}.` : 'No mistakes.';
}

export function mistakesSection(report: Report, images?: ImageDataset): Markup | undefined {
  const { evaluation, baseline: before } = report;
  const groups = [
    before && {
      name: 'Right before, wrong now',
      mistakes: worstMistakes(evaluation, SHOWN_MISTAKES, before),
    },
    { name: before ? 'All, most confident first' : '', mistakes: worstMistakes(evaluation, SHOWN_MISTAKES) },
  ].flatMap((group) => (group && group.mistakes.length > 0 ? [group] : []));
  if (groups.length === 0) return undefined;
  return html`<section><h2>The worst mistakes</h2>
<p class="note">Wrong answers given with the most confidence.</p>${groups.map(
    ({ name, mistakes }) =>
      html`${name !== '' && html`<h3>${name}</h3>`}<ul class="digits">${mistakes.map((one) => mistakeItem(one, evaluation, images))}</ul>`,
  )}</section>`;
}

function mistakeItem(
  { index, truth, predicted, confidence }: Mistake,
  { count: total }: Evaluation,
  images?: ImageDataset,
): Markup {
  const picture =
    images?.count === total && html`<img alt="${`a ${truth}`}" src="${imageUri(images, index)}">`;
  return html`<li>${picture}<b>${truth}, read as ${predicted}</b>${formatPercent(confidence)} % sure<br>example ${index}</li>
`;
}

export function trainingSection({ losses, validation }: TrainingCurve): Markup | undefined {
  if (losses.length < 2 && !validation) return undefined;
  const last = losses.at(-1);
  return html`<section><h2>Training</h2>${
    losses.length > 1 &&
    html`<h3>Loss over ${formatCount(losses.length)} steps</h3>
<div class="key note"><span class="thin">each step</span><span class="bold">running mean</span></div>
${chart(`Loss of each step, from ${losses[0]!.toFixed(3)} to ${last!.toFixed(3)}.`, (width) => lossLine(losses, width))}`
  }${
    validation &&
    validation.points.length > 0 &&
    html`<h3>Accuracy on ${formatCount(validation.examples)} validation examples</h3>
${chart(`Accuracy, from ${formatPercent(validation.points[0]!.accuracy)} to ${formatPercent(validation.points.at(-1)!.accuracy)} per cent.`, (width) => accuracyLine(validation.points, width))}`
  }</section>`;
}

export function guardSection(word: ClassWord, report: Report): Markup | undefined {
  if (!report.guard) return undefined;
  const { examples, maxDrop, training, strengthSearch } = report.guard;
  const part = (
    name: string,
    heading: string,
    points: readonly (Tradeoff & { at: number })[],
    kept?: number,
  ) => {
    const last = points.at(-1)!;
    const label = `Gain and loss in points against the ${name}; at ${last.at} a gain of ${pointsOf(last.gain)} and a worst change of ${pointsOf(-last.drop)}.`;
    return html`<h3>${heading}</h3>${chart(label, (width) => tradeoffLines(points, { maxDrop, kept, name }, width))}`;
  };
  return html`<section><h2>Guard against forgetting</h2>
${guardLines(report).map((line) => html`<p class="note">${line}</p>`)}
<div class="key note"><span class="bold">target ${pluralOf(word)}, points</span><span class="dashed">other ${word} that lost most</span><span class="dotted">budget</span><span class="dot">kept</span></div>
${
  training &&
  training.checks.length > 1 &&
  part(
    'step',
    `While training, on ${formatCount(examples)} validation examples`,
    training.checks.map((check) => ({ ...check, at: check.step })),
    training.keptStep,
  )
}
${
  strengthSearch &&
  strengthSearch.checks.length > 1 &&
  part(
    'strength of the adapter',
    'After training, by strength',
    strengthSearch.checks.map((check) => ({ ...check, at: check.strength })),
    strengthSearch.keptStrength,
  )
}</section>`;
}

export function rankSection(layers: readonly LayerRank[]): Markup {
  return html`<section><h2>Use of the rank</h2>
<p class="note">How much of each layer’s update (of its squared norm) each direction carries, largest first. “Used” is the effective rank: 1 when one direction does all. A layer that uses little would do with a lower rank.</p>
${rankTable(layers)}
${chart('Bars of the shares of the directions; the table above has the numbers.', (width) => rankBars(layers, width))}</section>`;
}
