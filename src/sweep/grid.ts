import { UsageError } from '../errors.ts';
import type { LayerPattern, LoraBias, LoraInit, LoraMethod } from '../lora/index.ts';
import { createRandom, STREAMS } from '../random.ts';
import type { FinetuneSettings, Given, OptimizerName, OptimizerSettings } from '../recipes/index.ts';
import { shorten } from '../text/index.ts';

/** The settings of `finetune` that a sweep can vary, flat. Meaning and defaults are those of `finetune`. */
export interface Configuration {
  readonly rank?: number;
  readonly alpha?: number;
  readonly method?: LoraMethod;
  readonly targets?: LayerPattern;
  readonly targetWeights?: LayerPattern;
  readonly exclude?: LayerPattern;
  readonly bias?: LoraBias;
  readonly init?: LoraInit;
  readonly rslora?: boolean;
  readonly dora?: boolean;
  readonly dropout?: number;
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  readonly modulesToSave?: LayerPattern;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly replay?: number;
  readonly optimizer?: OptimizerName;
  readonly learningRate?: number;
  readonly schedule?: OptimizerSettings['schedule'];
  readonly warmup?: number;
  readonly lrEvery?: number;
  readonly lrFactor?: number;
  readonly clipNorm?: number;
  readonly checkEvery?: number;
  readonly patience?: number;
  readonly validation?: number;
}

/** Lists of values to combine. A setting that is left out keeps the default of `finetune`. */
export type Grid = { readonly [Name in keyof Configuration]: readonly NonNullable<Configuration[Name]>[] };

const LORA = [
  'rank',
  'alpha',
  'method',
  'targets',
  'targetWeights',
  'exclude',
  'bias',
  'init',
  'rslora',
  'dora',
  'dropout',
  'rankPattern',
  'alphaPattern',
  'modulesToSave',
] as const satisfies readonly (keyof Configuration)[];
const TRAINING = [
  'steps',
  'batchSize',
  'replay',
  'validation',
] as const satisfies readonly (keyof Configuration)[];
const OPTIMIZER = [
  'learningRate',
  'schedule',
  'warmup',
  'lrEvery',
  'lrFactor',
  'clipNorm',
] as const satisfies readonly (keyof Configuration)[];
const GUARD = ['checkEvery', 'patience'] as const satisfies readonly (keyof Configuration)[];
/** The settings of a configuration, in the order of tables. */
export const NAMES: readonly (keyof Configuration)[] = [
  ...LORA,
  ...TRAINING,
  'optimizer',
  ...OPTIMIZER,
  ...GUARD,
];

/**
 * Checks a grid that may come from a file or another program.
 *
 * @throws UsageError if a setting is unknown, or its list is empty or has a value twice
 */
export function requireGrid(grid: Grid): void {
  for (const [name, values] of Object.entries(grid)) {
    const invalid = (problem: string) => new UsageError('invalid-argument', `grid: ${name}: ${problem}`);
    if (!(NAMES as readonly string[]).includes(name)) {
      throw invalid(`not a setting that a sweep can vary; choose from ${NAMES.join(', ')}`);
    }
    if (!Array.isArray(values) || values.length === 0)
      throw invalid('the list of values is empty; give at least one');
    const texts = values.map((value) => (value instanceof RegExp ? String(value) : JSON.stringify(value)));
    const repeated = texts.find((text, index) => texts.indexOf(text) !== index);
    if (repeated !== undefined)
      throw invalid(`${shorten(repeated, 80)} is listed twice; list each value once`);
  }
}

/** The number of combinations of a grid's values. */
export function gridSize(grid: Grid): number {
  return Object.values(grid).reduce((product, values) => product * (values?.length ?? 1), 1);
}

/**
 * The combinations of a grid's values, the last setting varying fastest; or some of them, drawn at random without
 * replacement (random search, Bergstra & Bengio 2012).
 *
 * @param sample how many to draw, and the seed
 */
export function configurationsOf(
  grid: Grid,
  sample?: { readonly count: number; readonly seed: number },
): Configuration[] {
  const size = gridSize(grid);
  if (!sample || sample.count >= size)
    return Array.from({ length: size }, (_, index) => configurationAt(grid, index));
  const random = createRandom(sample.seed, STREAMS.sweep);
  const drawn = new Set<number>();
  while (drawn.size < sample.count) drawn.add(Math.floor(random.uniform() * size));
  return [...drawn].sort((a, b) => a - b).map((index) => configurationAt(grid, index));
}

function configurationAt(grid: Grid, index: number): Configuration {
  let rest = index;
  const reversed = Object.entries(grid)
    .reverse()
    .map(([name, values]) => {
      const value = values![rest % values!.length];
      rest = Math.floor(rest / values!.length);
      return [name, value] as const;
    });
  return Object.fromEntries(reversed.reverse());
}

/** What all trials of a sweep have in common. */
export interface CommonSettings {
  readonly targetLabels: readonly number[];
  /** Budget of the forgetting guard, a fraction. Without it trials have no guard. */
  readonly maxDrop?: number;
}

/** The settings of `finetune` for one configuration and seed. */
export function settingsOf(
  configuration: Configuration,
  seed: number,
  { targetLabels, maxDrop }: CommonSettings,
): Given<FinetuneSettings> {
  const guard = maxDrop === undefined ? undefined : { maxDrop, ...pick(configuration, GUARD) };
  return {
    ...pick(configuration, TRAINING),
    seed,
    targetLabels,
    lora: { seed, ...pick(configuration, LORA) },
    optimizer: {
      ...pick(configuration, OPTIMIZER),
      ...(configuration.optimizer && { rule: configuration.optimizer }),
    },
    ...(guard && { guard }),
  };
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(
    names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])),
  ) as Partial<Pick<T, K>>;
}
