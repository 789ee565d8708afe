import type { Change, Interval } from '../metrics/index.ts';
import { formatCount, formatPercent, formatPoints, formatSigned, NOT_AVAILABLE } from '../text/index.ts';
import type { Report } from './report.ts';
import type { RunInfo, Tradeoff } from './schema.ts';

/** The word for a class in reports. */
export type ClassWord = 'digit' | 'class';

/** 'digit' if the name of every class is a digit, otherwise 'class'. */
export function classWord(classNames: readonly string[]): ClassWord {
  return classNames.every((name) => /^\d$/.test(name)) ? 'digit' : 'class';
}

/** 'digit' -> 'digits', 'class' -> 'classes'. */
export function pluralOf(word: ClassWord): string {
  return word === 'class' ? 'classes' : `${word}s`;
}

/** The command and its run folder: 'finetune runs/finetune'. */
export function title({ command, folder }: RunInfo): string {
  return folder === undefined ? command : `${command} ${folder}`;
}

/** Data, settings and target classes: 'MNIST test set, 10,000 examples; rank 2, alpha 1, seed 0; target 2, 3'. */
export function settings({ run, targetLabels, evaluation }: Report): string {
  const batches = run.batchSize === undefined ? '' : ` of batch ${run.batchSize}`;
  const training = [
    run.rank !== undefined && `rank ${run.rank}`,
    run.alpha !== undefined && `alpha ${run.alpha}`,
    run.strength !== undefined && run.strength !== 1 && `strength ${run.strength}`,
    run.steps !== undefined && `${formatCount(run.steps)} steps${batches}`,
    run.replay !== undefined && run.replay > 0 && `replay ${run.replay}`,
    run.seed !== undefined && `seed ${run.seed}`,
  ];
  const targets = targetLabels.map((label) => evaluation.classNames[label]);
  const parts = [
    `${run.data}, ${formatCount(evaluation.count)} examples`,
    training.filter(Boolean).join(', '),
    targets.length > 0 && `target ${targets.join(', ')}`,
  ];
  return parts.filter(Boolean).join('; ');
}

/** The cells that all tables of changes share: errors, fixed and broken examples, accuracies. */
export function changeFigures({ before, after, fixed, broken }: Change): string[] {
  return [
    formatCount(before.errors),
    formatCount(after.errors),
    formatSigned(after.errors - before.errors),
    formatCount(fixed),
    formatCount(broken),
    formatPercent(before.accuracy),
    formatPercent(after.accuracy),
  ];
}

/** Both ends of a confidence interval in per cent: '88.21-90.35'. */
export function formatInterval(interval: Interval | null, separator: string): string {
  return interval === null ? NOT_AVAILABLE : interval.map(formatPercent).join(separator);
}

/** What the guard against forgetting and the strength search did, one line each; empty without a guard. */
export function guardLines({ guard, targetLabels, evaluation }: Report): string[] {
  if (!guard) return [];
  const { examples, maxDrop, training, strengthSearch } = guard;
  const word = classWord(evaluation.classNames);
  const [targets, worst] =
    targetLabels.length > 0
      ? [`target ${pluralOf(word)}`, `worst other ${word}`]
      : [`all ${pluralOf(word)}`, `worst ${word}`];
  const outcome = (check: Tradeoff | undefined) =>
    check && `: ${targets} ${formatPoints(check.gain)} points, ${worst} ${formatPoints(-check.drop)}`;
  const points = Number((100 * maxDrop).toFixed(2));
  const budget = `at most ${points} points lost on ${formatCount(examples)} validation examples`;
  const lines: string[] = [];
  if (training) {
    const { checks, keptStep, endedAtStep } = training;
    const end = endedAtStep === undefined ? '' : `, training ended at step ${formatCount(endedAtStep)}`;
    const kept = checks.find(({ step }) => step === keptStep);
    lines.push(
      `guard (${budget}): ${checks.length} checks${end}, kept step ${formatCount(keptStep)}${outcome(kept) ?? ''}`,
    );
  }
  if (strengthSearch) {
    const { checks, keptStrength } = strengthSearch;
    const kept = checks.find(({ strength }) => strength === keptStrength);
    lines.push(`strength search (${budget}): kept strength ${keptStrength}${outcome(kept) ?? ''}`);
  }
  return lines;
}
