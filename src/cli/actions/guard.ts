import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../errors.ts';
import type { Evaluator } from '../../inference/index.ts';
import { disableAdapters, enableAdapters, setAdapterStrength } from '../../lora/index.ts';
import { perClass } from '../../metrics/index.ts';
import { type ImageDataset, splitRows } from '../../mnist-data-loader/index.ts';
import type { ForgettingGuard, ValidationCurve } from '../../report/index.ts';
import {
  type ClassCount,
  type GuardOptions,
  type StrengthSearch,
  searchStrength,
} from '../../training/index.ts';
import type { FinetuneOptions } from '../commands/finetune.ts';
import { flagOf } from '../settings/options.ts';
import type { Trained } from './train-steps.ts';

/** Share of the other digits' accuracy, in points, that a strength search may cost where no budget is given. */
const DEFAULT_BUDGET_POINTS = 1;

/** A part of the training set that is not trained on, and what it says about the model. */
export interface Validation {
  readonly examples: number;
  readonly guard: GuardOptions;
  /** Finds the adapter's strength and leaves the model at it. */
  searchStrength(): StrengthSearch;
}

/**
 * Options of the guard mean nothing without it.
 *
 * @param given names of the options that were given, not left at their default
 */
export function requireGuard(
  given: ReadonlySet<string>,
  { maxDrop, searchStrength: searches, digits }: FinetuneOptions,
): void {
  const lone = ['checkEvery', 'patience'].find((name) => given.has(name) && maxDrop === undefined);
  if (lone) throw new UsageError('invalid-argument', `${flagOf(lone)}: there is no guard; add --max-drop`);
  if (given.has('validation') && maxDrop === undefined && !searches) {
    throw new UsageError(
      'invalid-argument',
      '--validation: nothing watches the held-out images; add --max-drop or --search-strength',
    );
  }
  if (searches && digits === undefined) {
    throw new UsageError(
      'invalid-argument',
      '--search-strength: there are no other digits to spare; name those to tune with --digits',
    );
  }
}

/**
 * The rows to train on, and those to hold out when `--max-drop` or `--search-strength` need some.
 *
 * @throws UsageError when the share of them is none, or leaves none
 */
export function splitFor(
  dataset: ImageDataset,
  { maxDrop, searchStrength: searches, validation: share, seed }: FinetuneOptions,
): { readonly train: Int32Array; readonly validation?: Int32Array } {
  if (maxDrop !== undefined || searches) {
    const split = splitRows(dataset, { share, seed });
    const { train, validation } = split;
    if (train.length > 0 && validation.length > 0) return split;
    throw new UsageError(
      'invalid-argument',
      `--validation ${share}: holds out ${validation.length} of ${dataset.count} training images; ` +
        `hold out ${validation.length === 0 ? 'more' : 'fewer'}`,
    );
  }
  return { train: Int32Array.from({ length: dataset.count }, (_, row) => row) };
}

/**
 * What the held-out examples say about a model.
 *
 * @param evaluator of `model`
 */
export function validationOn(
  examples: ImageDataset,
  model: tf.LayersModel,
  evaluator: Evaluator,
  targetLabels: readonly number[],
  { maxDrop, checkEvery, patience }: FinetuneOptions,
): Validation {
  const measure = (): readonly ClassCount[] => perClass(evaluator.evaluate(examples));
  disableAdapters(model);
  const before = measure();
  enableAdapters(model);
  const budget = { targetLabels, maxDrop: (maxDrop ?? DEFAULT_BUDGET_POINTS) / 100 };
  return {
    examples: examples.count,
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
    examples,
    maxDrop: guard.maxDrop,
    training: guarded && {
      checks: guarded.checks.map(({ step, gain, drop }) => ({ step, gain, drop })),
      keptStep: guarded.kept.step,
      endedAtStep: guarded.endedAt,
    },
    strengthSearch: search && {
      checks: search.checks.map(({ strength, gain, drop }) => ({ strength, gain, drop })),
      keptStrength: search.strength,
    },
  };
}

/** Accuracy on the validation set at each check of the guard. */
export function validationCurve(
  validation: Validation | undefined,
  guarded: Trained['guarded'],
): ValidationCurve | undefined {
  if (!validation || !guarded) return undefined;
  const { examples } = validation;
  return {
    examples,
    points: guarded.checks.map(({ step, errors }) => ({ step, accuracy: 1 - errors / examples })),
  };
}
