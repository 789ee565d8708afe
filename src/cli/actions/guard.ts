import type * as tf from '@tensorflow/tfjs';
import type { Evaluator } from '../../evaluation/evaluate.ts';
import { perClass } from '../../evaluation/per-class.ts';
import { disableAdapters, enableAdapters, setAdapterStrength } from '../../lora/index.ts';
import { type ImageDataset, selectRows, splitRows } from '../../mnist-data-loader/index.ts';
import type { ForgettingGuard, TrainingCurve } from '../../report/report.ts';
import {
  type ClassCount,
  type GuardOptions,
  type StrengthSearch,
  searchStrength,
} from '../../training/index.ts';
import type { FinetuneOptions } from '../commands/finetune.ts';
import type { Trained } from './train-steps.ts';

/** Share of the other digits' accuracy, in points, that a strength search may cost where no budget is given. */
const DEFAULT_BUDGET_POINTS = 1;

/** A part of the training set that is not trained on, and what it says about the model. */
export interface Validation {
  /** Rows that are left to train on. */
  readonly rows: Int32Array;
  readonly examples: number;
  readonly guard: GuardOptions;
  /** Finds the adapter's strength and leaves the model at it. */
  searchStrength(): StrengthSearch;
}

/**
 * Sets the validation split aside when `--max-drop` or `--search-strength` need one.
 *
 * @param evaluator of `model`
 */
export function validationFor(
  model: tf.LayersModel,
  evaluator: Evaluator,
  train: ImageDataset,
  tuned: readonly number[],
  options: FinetuneOptions,
): Validation | undefined {
  const { maxDrop, searchStrength: searches, validation: share, seed, checkEvery, patience } = options;
  if (maxDrop === undefined && !searches) return undefined;
  const { kept, heldOut } = splitRows(train, { share, seed });
  const examples = selectRows(train, heldOut);
  const measure = (): readonly ClassCount[] => perClass(evaluator.evaluate(examples));
  disableAdapters(model);
  const before = measure();
  enableAdapters(model);
  const budget = { tuned, maxDrop: (maxDrop ?? DEFAULT_BUDGET_POINTS) / 100 };
  return {
    rows: kept,
    examples: heldOut.length,
    guard: { ...budget, before, measure, checkEvery, patience },
    searchStrength: () => {
      const found = searchStrength(budget, (strength) => {
        setAdapterStrength(model, strength);
        return measure();
      });
      setAdapterStrength(model, found.strength);
      return found;
    },
  };
}

/** What the guard and the strength search did, for the report. */
export function guardReport(
  validation: Validation | undefined,
  guarded: Trained['guarded'],
  search: StrengthSearch | undefined,
): ForgettingGuard | undefined {
  if (!validation) return undefined;
  const { examples, guard } = validation;
  return {
    summary: guardLines(validation, guarded, search),
    examples,
    maxDrop: guard.maxDrop,
    ...(guarded && {
      checks: guarded.checks.map(({ step, gain, drop }) => ({ step, gain, drop })),
      keptStep: guarded.kept.step,
    }),
    ...(search && {
      strengths: search.checks.map(({ strength, gain, drop }) => ({ strength, gain, drop })),
      keptStrength: search.strength,
    }),
  };
}

/** Accuracy over steps on the held-out examples. */
export function accuracyCurve(
  validation: Validation | undefined,
  guarded: Trained['guarded'],
): TrainingCurve['accuracies'] {
  if (!validation || !guarded) return undefined;
  const { examples } = validation;
  return {
    name: `${examples.toLocaleString('en-US')} held-out examples`,
    points: guarded.checks.map(({ step, errors }) => ({ step, accuracy: 1 - errors / examples })),
  };
}

/** A line each. */
function guardLines(
  validation: Validation,
  guarded: Trained['guarded'],
  search: StrengthSearch | undefined,
): string[] {
  const lines: string[] = [];
  const { examples, guard } = validation;
  const budget = `${points(guard.maxDrop)} points, on ${examples.toLocaleString('en-US')} held-out examples`;
  if (guarded) {
    const { kept, endedAt, checks } = guarded;
    const end = endedAt === undefined ? 'ran to the end' : `ended training at step ${endedAt}`;
    lines.push(
      `guard (${budget}): ${end} after ${checks.length} checks; kept step ${kept.step}: ` +
        `tuned digits ${signed(kept.gain)} points, worst other digit ${signed(-kept.drop)}`,
    );
  }
  if (search) {
    const found = search.checks.find(({ strength }) => strength === search.strength)!;
    lines.push(
      `strength (${budget}): ${search.strength}: ` +
        `tuned digits ${signed(found.gain)} points, worst other digit ${signed(-found.drop)}`,
    );
  }
  return lines;
}

function points(fraction: number): string {
  return (100 * fraction).toFixed(2).replace(/\.?0+$/, '');
}

function signed(fraction: number): string {
  return `${fraction < 0 ? '-' : '+'}${(100 * Math.abs(fraction)).toFixed(2)}`;
}
