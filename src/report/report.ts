import { checkFields } from '../arguments.ts';
import type { GateResult } from '../gates/index.ts';
import { type Evaluation, requireConfidences } from '../metrics/index.ts';
import type { ForgettingGuard, LayerRank, RunInfo, ValidationCurve } from './schema.ts';

/** An evaluation with the name that tables give it. */
export interface NamedEvaluation extends Evaluation {
  /** Such as 'adapter on', or a run folder. */
  readonly name: string;
}

/** Losses and validation accuracies of a training. */
export interface TrainingCurve {
  /** Loss of each step, in order. */
  readonly losses: Float32Array;
  /** Accuracy on the validation set while training. */
  readonly validation?: ValidationCurve;
}

/** One evaluation, or two evaluations of the same examples, and how the model was trained. */
export interface Report {
  /** ISO 8601. The only part that differs between two reports of the same run. */
  readonly createdAt: string;
  readonly run: RunInfo;
  readonly evaluation: NamedEvaluation;
  /** What `evaluation` is compared with. */
  readonly baseline?: NamedEvaluation;
  /** Labels of the classes that fine-tuning was meant to improve; empty if there are none. */
  readonly targetLabels: readonly number[];
  readonly training?: TrainingCurve;
  readonly guard?: ForgettingGuard;
  /** The adapted layers, in the model's order. */
  readonly layers?: readonly LayerRank[];
  readonly gates?: readonly GateResult[];
}

/**
 * Checks a report that a caller gives.
 *
 * @throws UsageError naming the first part that is not as `Report` describes it
 */
export function requireReport(report: Report): void {
  checkFields('report', report, {
    createdAt: 'string',
    run: 'object',
    targetLabels: 'numbers',
    training: 'object?',
    guard: 'object?',
    layers: 'list?',
    gates: 'list?',
  });
  checkFields('report.run', report.run, { command: 'string', data: 'string', versions: 'object' });
  for (const part of ['evaluation', 'baseline'] as const) {
    const evaluation = report[part];
    if (part === 'baseline' && evaluation === undefined) continue;
    checkFields(`report.${part}`, evaluation, { name: 'string', loss: 'number' });
    requireConfidences(`report.${part}`, evaluation!);
  }
}
