import type { Change } from '../metrics/index.ts';
import type { Report, RunInfo } from './report.ts';

/** What stands where a number is not defined. */
export const NOT_AVAILABLE = 'n/a';

const integers = new Intl.NumberFormat('en-US');

/** 10000 -> '10,000'. */
export function formatCount(value: number): string {
  return integers.format(value);
}

/** 0.8912 -> '89.12'; null -> 'n/a'. */
export function formatPercent(fraction: number | null): string {
  return fraction === null ? NOT_AVAILABLE : (fraction * 100).toFixed(2);
}

/** Three significant digits: 1.2345 -> '1.23', 4.5 -> '4.5'. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A change of a fraction in points: 0.012 -> '+1.20'. */
export function formatPoints(gain: number | null): string {
  return gain === null ? NOT_AVAILABLE : formatSigned(gain * 100, 2);
}

/** 1234 -> '+1,234', 0 -> '0'. */
export function formatSigned(value: number, digits = 0): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: 'exceptZero',
  });
}

/** 0.0312 -> '0.031', 0.00002 -> '<0.001'. */
export function probability(p: number | null): string {
  if (p === null) return NOT_AVAILABLE;
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

/** Errors before and after and their difference, fixed, broken, accuracies before and after. */
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

/** What a reader calls a class. */
export type ClassWord = 'digit' | 'class';

/** 'digit' if every class is one digit, otherwise 'class'. */
export function classWord(classNames: readonly string[]): ClassWord {
  return classNames.every((name) => /^\d$/.test(name)) ? 'digit' : 'class';
}

/** 'digit' -> 'digits', 'class' -> 'classes'. */
export function pluralOf(word: ClassWord): string {
  return word === 'class' ? 'classes' : `${word}s`;
}

/** 'finetune runs/finetune'. */
export function title({ command, run }: RunInfo): string {
  return run === undefined ? command : `${command} ${run}`;
}

/** 'MNIST test, 10,000 examples; rank 2, alpha 1, seed 0; target 2, 3'. */
export function setting(report: Report): string {
  const { subject, targetLabels, evaluation } = report;
  const { classNames } = evaluation;
  const parts = [
    `${subject.data}, ${formatCount(evaluation.count)} examples`,
    [
      subject.rank !== undefined && `rank ${subject.rank}`,
      subject.alpha !== undefined && `alpha ${subject.alpha}`,
      subject.strength !== undefined && subject.strength !== 1 && `strength ${subject.strength}`,
      subject.steps !== undefined &&
        `${formatCount(subject.steps)} steps${subject.batchSize === undefined ? '' : ` of batch ${subject.batchSize}`}`,
      subject.replay !== undefined && subject.replay > 0 && `replay ${subject.replay}`,
      subject.seed !== undefined && `seed ${subject.seed}`,
    ]
      .filter(Boolean)
      .join(', '),
    targetLabels.length > 0 && `target ${targetLabels.map((label) => classNames[label]).join(', ')}`,
  ];
  return parts.filter(Boolean).join('; ');
}

/** A name cut to so many letters. */
export function shorten(name: string, letters: number): string {
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
}
