import { formatCount, formatPercent, formatPoints, formatPValue } from '../../text/index.ts';
import type { SweepReport } from './sweep-report.ts';

type Scored = SweepReport['configurations'][number];
type RepeatedValue = Scored['total'];

/** What was swept, on what: one line each. */
export function settingLines({
  base,
  seeds,
  configurations,
  rounds,
  data,
  targetLabels,
  classNames,
  maxDrop,
}: SweepReport): string[] {
  const targets = targetLabels.map((label) => classNames[label]).join(', ');
  const budget = maxDrop === undefined ? '' : `, at most ${points(maxDrop)} points lost on any other class`;
  const history =
    rounds.length > 0
      ? `, successive halving from ${formatCount(rounds[0]!.configurations)} configurations`
      : '';
  return [
    `base ${base.folder}; ${formatCount(configurations.length)} configurations, seeds ${seeds.join(', ')}${history}`,
    `target ${targets || 'all classes'}${budget}`,
    `compared on ${formatCount(data.heldOutExamples)} images held out of the training set; the base may have seen them`,
  ];
}

/** What the sweep recommends and why. */
export function conclusionLines(report: SweepReport): string[] {
  const { configurations, best, recommended, maxDrop, seeds } = report;
  if (best === null || recommended === null) {
    return [
      `no configuration loses at most ${points(maxDrop ?? 0)} points on every other class; raise the budget, or add replay`,
    ];
  }
  const [winner, choice] = [configurations[best]!, configurations[recommended]!];
  const metric =
    maxDrop === undefined ? 'accuracy on all classes' : 'accuracy on the target classes within the budget';
  const lines = [`best: ${describe(winner)}, the highest ${metric}`];
  if (recommended === best) {
    const reason =
      seeds.length < 2
        ? 'with one seed, no test can show that a smaller one is as good'
        : 'all smaller ones are significantly worse';
    return [...lines, `recommended: the same; ${hasSmaller(report, winner) ? reason : 'none is smaller'}`];
  }
  return [
    ...lines,
    `recommended: ${describe(choice)}, the smallest that is not significantly worse ` +
      `(p = ${formatPValue(choice.pValue)}, one-sided paired t-test over seeds, Holm-corrected)`,
  ];
}

function describe({ name, trainableParameters }: Scored): string {
  return `${name} (${formatCount(trainableParameters)} trainable parameters)`;
}

function hasSmaller({ configurations }: SweepReport, winner: Scored): boolean {
  return configurations.some(
    ({ trainableParameters, withinBudget }) =>
      withinBudget && trainableParameters < winner.trainableParameters,
  );
}

/** Columns of the table of configurations, and their cells. */
export const COLUMNS = [
  'params',
  'target %',
  'other %',
  'all %',
  'gain',
  'drop',
  'used',
  's',
  'MB',
  'p',
] as const;

/** The cells of a configuration, in the order of `COLUMNS`. */
export function cellsOf(scored: Scored): string[] {
  return [
    formatCount(scored.trainableParameters),
    ...accuracyCells(scored),
    scored.effectiveRank.toFixed(1),
    (scored.elapsedMs / 1000).toFixed(1),
    formatCount(Math.round(scored.peakBytes / 1e6)),
    scored.pValue === null ? '' : formatPValue(scored.pValue),
  ];
}

/** Accuracies in per cent, gain and drop in points, each with the half width of its interval. */
export function accuracyCells({
  target,
  other,
  total,
  gain,
  drop,
}: Pick<Scored, 'target' | 'other' | 'total' | 'gain' | 'drop'>): string[] {
  return [
    withMargin(target, formatPercent),
    other ? withMargin(other, formatPercent) : '',
    withMargin(total, formatPercent),
    formatPoints(gain.mean),
    formatPoints(drop.mean),
  ];
}

function withMargin({ mean, interval }: RepeatedValue, format: (value: number) => string): string {
  return interval ? `${format(mean)} ±${format(interval[1] - mean)}` : format(mean);
}

/** Marks of a configuration: recommended, best, on the Pareto front, over the budget. */
export function marksOf({ best, recommended, configurations }: SweepReport, index: number): string {
  const marks = [
    index === recommended && 'recommended',
    index === best && 'best',
    configurations[index]!.onParetoFront && 'front',
    best !== null && !configurations[index]!.withinBudget && 'over budget',
    configurations[index]!.failed > 0 && `${configurations[index]!.failed} failed`,
  ];
  return marks.filter(Boolean).join(', ');
}

/** Explains the columns. */
export const LEGEND = [
  'params: trainable parameters. target, other, all: accuracy in per cent. ±: half of the 95 % interval of the mean over seeds.',
  'drop: points lost by the other class that lost most. used: largest effective rank of a layer.',
  'p: of being worse than the best, Holm-corrected.',
];

/** Why trials have no result, a line each. */
export function failureLines({ failures }: SweepReport): string[] {
  return failures.map(
    ({ configuration, seed, reason }) => `failed: ${JSON.stringify(configuration)}, seed ${seed}: ${reason}`,
  );
}

/** A fraction in points without trailing zeros: 0.005 -> '0.5'. */
function points(value: number): string {
  return String(Number((100 * value).toFixed(2)));
}
