import { GateError, UsageError } from '../errors.ts';
import {
  type Change,
  type Comparison,
  compareEvaluations,
  type Evaluation,
  overall,
  perClass,
} from '../metrics/index.ts';
import type { GateResult, Gates } from './gates.ts';

/** Bounds are met up to this much, so that 0.7 points of 1,000 examples are 7 examples. */
const ROUNDING = 1e-9;

/** What gates judge. */
export interface Judged {
  readonly evaluation: Evaluation;
  /** An evaluation of the same examples to compare with. */
  readonly baseline?: Evaluation;
  /** Labels of the classes that fine-tuning was meant to improve. */
  readonly targetLabels?: readonly number[];
}

/**
 * Refuses gates that cannot be checked; worth calling before hours of training.
 *
 * @throws UsageError when a gate on changes has nothing to compare with, or a class is unknown
 */
export function validateGates(
  gates: Gates,
  { classNames, compared }: { classNames: readonly string[]; compared: boolean },
): void {
  for (const name of Object.keys(gates.minDigitAccuracy ?? {})) {
    if (classNames.includes(name)) continue;
    throw new UsageError(
      'invalid-argument',
      `min-digit-accuracy ${name}: no class is called so; there are ${classNames.join(', ')}`,
    );
  }
  const [gate] = [
    gates.maxDigitDrop !== undefined && 'max-digit-drop',
    gates.maxOtherDrop !== undefined && 'max-other-drop',
    gates.minGain !== undefined && 'min-gain',
  ].filter(Boolean);
  if (gate && !compared) {
    throw new UsageError(
      'invalid-argument',
      `${gate}: there is nothing to compare with; name a --baseline report.json, or a run with --compare`,
    );
  }
}

/** Checks every gate that is set, in a fixed order. */
export function checkGates({ evaluation, baseline, targetLabels }: Judged, gates: Gates): GateResult[] {
  validateGates(gates, { classNames: evaluation.classNames, compared: baseline !== undefined });
  const results = [...accuracyGates(evaluation, gates)];
  if (baseline)
    results.push(...changeGates(compareEvaluations(baseline, evaluation, { targetLabels }), gates));
  return results;
}

/** @throws GateError with a line for each gate that was not met */
export function requireGates(results: readonly GateResult[]): void {
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length === 0) return;
  const lines = failed.map(({ message }) => `  ${message}`);
  throw new GateError(
    'gate-failed',
    [`${failed.length} of ${results.length} gates not met`, ...lines].join('\n'),
  );
}

function* accuracyGates(
  evaluation: Evaluation,
  { minAccuracy, minDigitAccuracy = {} }: Gates,
): Iterable<GateResult> {
  if (minAccuracy !== undefined) {
    yield atLeast('min-accuracy', 'accuracy', overall(evaluation).accuracy, minAccuracy);
  }
  for (const { className, accuracy } of perClass(evaluation)) {
    const bound = minDigitAccuracy[className];
    if (bound === undefined) continue;
    yield atLeast(`min-digit-accuracy ${className}`, `accuracy of ${className}`, accuracy, bound);
  }
}

function* changeGates(comparison: Comparison, gates: Gates): Iterable<GateResult> {
  const significant = gates.significant ?? false;
  if (gates.maxDigitDrop !== undefined) {
    const drops = comparison.classes.map((one) => ({ name: one.className, drop: dropOf(one, significant) }));
    yield atMost('max-digit-drop', drops, gates.maxDigitDrop, significant);
  }
  if (gates.maxOtherDrop !== undefined) {
    const other = comparison.other ?? comparison.total;
    const drops = [{ name: 'other', drop: dropOf(other, significant) }];
    yield atMost('max-other-drop', drops, gates.maxOtherDrop, significant);
  }
  if (gates.minGain !== undefined) {
    const { total } = comparison;
    const gain = significant && !total.significant ? 0 : (total.gain ?? 0) * 100;
    yield {
      gate: 'min-gain',
      passed: gain >= gates.minGain - ROUNDING,
      message: `min-gain ${gates.minGain}: total gains ${gain.toFixed(2)} points${noise(significant)}`,
    };
  }
}

function atLeast(gate: string, what: string, accuracy: number | null, bound: number): GateResult {
  return {
    gate,
    passed: accuracy !== null && accuracy >= bound - ROUNDING,
    message: `${gate}${gate.includes(' ') ? '=' : ' '}${bound}: ${what} is ${accuracy === null ? 'n/a, it has no examples' : Number(accuracy.toFixed(4))}`,
  };
}

function atMost(
  gate: string,
  drops: { name: string; drop: number }[],
  bound: number,
  significant: boolean,
): GateResult {
  const sorted = drops.toSorted((a, b) => b.drop - a.drop);
  const over = sorted.filter(({ drop }) => drop > bound + ROUNDING);
  const shown = over.length > 0 ? over : sorted.filter(({ drop }) => drop > 0).slice(0, 1);
  const parts = shown.map(({ name, drop }) => `${name} drops ${drop.toFixed(2)} points`);
  return {
    gate,
    passed: over.length === 0,
    message: `${gate} ${bound}: ${parts.join(', ') || 'nothing drops'}${noise(significant)}`,
  };
}

/** Points lost, 0 or more. */
function dropOf(change: Change, significant: boolean): number {
  return significant && !change.significant ? 0 : Math.max(0, -(change.gain ?? 0) * 100);
}

function noise(significant: boolean): string {
  return significant ? ' beyond noise' : '';
}
