import { checkArgument, checkFields, checkList } from '../arguments.ts';
import { GateError, UsageError } from '../errors.ts';
import {
  type Change,
  type Comparison,
  compareEvaluations,
  type Evaluation,
  overall,
  perClass,
  requireEvaluation,
} from '../metrics/index.ts';
import type { GateResult, Gates } from './gates.ts';

/** Tolerance for rounding errors, so that a drop by 7 of 1,000 examples meets a limit of 0.7 points. */
const TOLERANCE = 1e-9;

/** The results that gates are checked against. */
export interface GateInput {
  readonly evaluation: Evaluation;
  /** An evaluation of the same examples to compare with. */
  readonly baseline?: Evaluation;
  /** Labels of the classes that fine-tuning was meant to improve. */
  readonly targetLabels?: readonly number[];
}

/**
 * Checks that the gates can be applied. Call it before a long training run.
 *
 * @throws UsageError if an argument is not what its type says, a class is unknown, or if a gate on changes is set and there is no baseline
 */
export function validateGates(
  gates: Gates,
  results: { classNames: readonly string[]; hasBaseline: boolean },
): void {
  checkFields('gates', gates, {
    minAccuracy: 'number?',
    minDigitAccuracy: 'object?',
    maxDigitDrop: 'number?',
    maxOtherDrop: 'number?',
    minGain: 'number?',
    significant: 'boolean?',
  });
  checkFields('results', results, { classNames: 'strings', hasBaseline: 'boolean' });
  const { classNames, hasBaseline } = results;
  for (const [name, limit] of Object.entries(gates.minDigitAccuracy ?? {})) {
    checkArgument(`gates.minDigitAccuracy.${name}`, limit, 'number');
    if (classNames.includes(name)) continue;
    throw new UsageError(
      'unknown-class',
      `min-digit-accuracy ${name}: unknown class; expected one of ${classNames.join(', ')}`,
    );
  }
  const gatesOnChanges = [
    gates.maxDigitDrop !== undefined && 'max-digit-drop',
    gates.maxOtherDrop !== undefined && 'max-other-drop',
    gates.minGain !== undefined && 'min-gain',
  ];
  const gate = gatesOnChanges.find(Boolean);
  if (gate && !hasBaseline) {
    throw new UsageError('no-baseline', `${gate}: there is no evaluation to compare with`);
  }
}

/**
 * Checks every gate that is set, in the order of `Gates`.
 *
 * @throws what `validateGates` throws, and CheckpointError if evaluation and baseline are not of the same examples
 *
 * @example
 * const results = checkGates({ evaluation, baseline }, { minAccuracy: 0.9, maxDigitDrop: 1, significant: true });
 * requireGates(results);
 */
export function checkGates(input: GateInput, gates: Gates): GateResult[] {
  checkFields('input', input, { targetLabels: 'numbers?' });
  const { evaluation, baseline, targetLabels } = input;
  requireEvaluation('evaluation', evaluation);
  validateGates(gates, { classNames: evaluation.classNames, hasBaseline: baseline !== undefined });
  const results = [...accuracyGates(evaluation, gates)];
  if (baseline)
    results.push(...changeGates(compareEvaluations(baseline, evaluation, { targetLabels }), gates));
  return results;
}

/**
 * @throws UsageError if `results` is not a list of results of gates
 * @throws GateError if a gate was not met, with a line for each of them
 */
export function requireGates(results: readonly GateResult[]): void {
  checkList('results', results);
  for (const [index, result] of results.entries())
    checkFields(`results[${index}]`, result, { passed: 'boolean', message: 'string' });
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
    const { accuracy } = overall(evaluation);
    yield {
      gate: 'min-accuracy',
      passed: isAtLeast(accuracy, minAccuracy),
      message: `min-accuracy ${minAccuracy}: accuracy is ${formatAccuracy(accuracy)}`,
    };
  }
  for (const { className, accuracy } of perClass(evaluation)) {
    const limit = minDigitAccuracy[className];
    if (limit === undefined) continue;
    yield {
      gate: `min-digit-accuracy ${className}`,
      passed: isAtLeast(accuracy, limit),
      message: `min-digit-accuracy ${className}=${limit}: accuracy of ${className} is ${formatAccuracy(accuracy)}`,
    };
  }
}

function isAtLeast(accuracy: number | null, limit: number): boolean {
  return accuracy !== null && accuracy >= limit - TOLERANCE;
}

function formatAccuracy(accuracy: number | null): string {
  return accuracy === null ? 'n/a, it has no examples' : String(Number(accuracy.toFixed(4)));
}

function* changeGates(comparison: Comparison, gates: Gates): Iterable<GateResult> {
  const significantOnly = gates.significant ?? false;
  const gainOf = (change: Change) => (significantOnly && !change.significant ? 0 : (change.gain ?? 0) * 100);
  const suffix = significantOnly ? ' (significant changes only)' : '';
  const { classes, other, total } = comparison;
  if (gates.maxDigitDrop !== undefined) {
    const drops = classes.map((change) => ({ name: change.className, drop: -gainOf(change) }));
    yield dropGate('max-digit-drop', gates.maxDigitDrop, drops, suffix);
  }
  if (gates.maxOtherDrop !== undefined) {
    // Without target classes all classes are other classes.
    const drops = [{ name: 'other classes', drop: -gainOf(other ?? total) }];
    yield dropGate('max-other-drop', gates.maxOtherDrop, drops, suffix);
  }
  if (gates.minGain !== undefined) {
    const gain = gainOf(total);
    yield {
      gate: 'min-gain',
      passed: gain >= gates.minGain - TOLERANCE,
      message: `min-gain ${gates.minGain}: total gained ${gain.toFixed(2)} points${suffix}`,
    };
  }
}

/** The message names every drop beyond the limit; if there is none, the largest drop. */
function dropGate(
  gate: string,
  limit: number,
  drops: readonly { name: string; drop: number }[],
  suffix: string,
): GateResult {
  const sorted = drops.toSorted((a, b) => b.drop - a.drop);
  const failed = sorted.filter(({ drop }) => drop > limit + TOLERANCE);
  const named = failed.length > 0 ? failed : sorted.filter(({ drop }) => drop > 0).slice(0, 1);
  const parts = named.map(({ name, drop }) => `${name} lost ${drop.toFixed(2)} points`);
  return {
    gate,
    passed: failed.length === 0,
    message: `${gate} ${limit}: ${parts.join(', ') || 'no drop'}${suffix}`,
  };
}
