import type * as tf from '@tensorflow/tfjs';
import { type ImageDataset, type Sampler, selectRows, splitRows } from '../data/index.ts';
import { UsageError } from '../errors.ts';
import type { Evaluator } from '../inference/index.ts';
import { disableAdapters, enableAdapters, setAdapterStrength } from '../lora/index.ts';
import { perClass } from '../metrics/index.ts';
import {
  type AdaptiveReplay,
  type ClassCount,
  type GuardOptions,
  type StrengthSearch,
  searchStrength,
} from '../training/index.ts';
import type { FinetuneSettings } from './settings.ts';

/** Accuracy that each other class may lose in a strength search without a guard, as a fraction. */
const DEFAULT_MAX_DROP = 0.01;

/** Rows of the training set to train on, and rows held out for the guard and the strength search. */
export interface ValidationSplit {
  readonly train: Int32Array;
  readonly validation?: Int32Array;
}

/**
 * Splits the training set into rows to train on and validation rows. Without a guard or a strength search, all rows are
 * trained on.
 *
 * @throws UsageError if the validation fraction selects no rows or all rows, or a strength search is set and all classes are
 *   trained on
 */
export function splitForValidation(train: ImageDataset, settings: FinetuneSettings): ValidationSplit {
  const { guard, searchStrength: searches, validation: fraction, seed, targetLabels } = settings;
  if (searches && targetLabels.length === 0) {
    throw new UsageError(
      'no-other-classes',
      'strength search: all classes are trained on, so there are no others to protect',
    );
  }
  if (!guard && !searches) return { train: Int32Array.from({ length: train.count }, (_, row) => row) };
  const split = splitRows(train, { fraction, seed });
  if (split.train.length === 0 || split.validation.length === 0) {
    throw new UsageError(
      'validation-empty',
      `validation ${fraction}: holds out ${split.validation.length} of ${train.count} training images; ` +
        `hold out ${split.validation.length === 0 ? 'more' : 'fewer'}`,
    );
  }
  return split;
}

/** Evaluates a model on the validation rows: for the guard during training, and for the strength search afterwards. */
export interface Validation {
  /** Number of validation images. */
  readonly examples: number;
  readonly guard: GuardOptions;
  /** Finds the best adapter strength within the budget and sets it on the model. */
  searchStrength(): StrengthSearch;
}

/**
 * Prepares validation of an adapted model. Evaluates the model once with the adapter off, as the reference.
 *
 * @param evaluator evaluates `model`
 * @param data.rows validation rows of `data.train`
 * @param data.sampler sampler used for training; if it is an `AdaptiveReplay`, each check updates its replay
 */
export function createValidation(
  model: tf.LayersModel,
  evaluator: Evaluator,
  {
    train,
    rows,
    sampler,
  }: { readonly train: ImageDataset; readonly rows: Int32Array; readonly sampler: Sampler | AdaptiveReplay },
  { guard, searchStrength: search, targetLabels }: FinetuneSettings,
): Validation {
  const images = selectRows(train, rows);
  const measure = (): readonly ClassCount[] => perClass(evaluator.evaluate(images));
  disableAdapters(model);
  const before = measure();
  enableAdapters(model);
  const maxDrop = guard?.maxDrop ?? DEFAULT_MAX_DROP;
  const budget = { targetLabels, maxDrop };
  const searchBudget = { targetLabels, maxDrop: typeof search === 'object' ? search.maxDrop : maxDrop };
  return {
    examples: images.count,
    guard: {
      ...budget,
      before,
      measure,
      checkEvery: guard?.checkEvery,
      patience: guard?.patience,
      replay: 'update' in sampler ? sampler : undefined,
    },
    searchStrength: () => {
      const search = searchStrength(searchBudget, (strength) => {
        setAdapterStrength(model, strength);
        return measure();
      });
      setAdapterStrength(model, search.strength);
      return search;
    },
  };
}
