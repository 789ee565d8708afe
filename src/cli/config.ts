import { resolve } from 'node:path';
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { CommanderError } from '@commander-js/extra-typings';
import { UsageError } from '../errors.ts';
import { jsonText } from '../files/json.ts';
import { readToml } from '../files/read-toml.ts';
import type { CliContext } from './context.ts';
import { nearest } from './nearest.ts';

/** Options that steer the command line itself and cannot come from a file. */
const NOT_IN_FILES = new Set(['config', 'printConfig', 'help', 'version']);

/** Where settings come from beside flags, the first before the second. */
const PLACES = ['environment', 'table', 'top level'] as const;

interface Setting {
  readonly value: unknown;
  readonly source: string;
  readonly place: (typeof PLACES)[number];
}

/**
 * Completes the options of a command that were not given as flags: `TFJS_LORA_<OPTION>` first, then the TOML
 * file of `--config`, then the default. In the file an option stands at the top level, or in a table named
 * after the command, which wins. What cannot be used with an option that comes from before is passed over.
 *
 * @throws UsageError for a value no flag would take, an empty one, an unknown key, an unreadable file, two from one
 *   place that cannot be used together
 * @throws CommanderError with exit code 0 after `--print-config` printed each value and where it came from, as TOML
 *   with comments, or as one JSON document where `--json` is set
 */
export function applySettings(command: CommandUnknownOpts, context: CliContext): { quiet: boolean } {
  for (const option of command.options) {
    if (isEmpty(option, command.getOptionValue(option.attributeName()))) throw emptyValue(option.long!);
  }
  const options = command.options.filter((option) => !NOT_IN_FILES.has(option.attributeName()));
  const file = readConfig(command, options, context);
  const found = options.flatMap((option) => {
    if (command.getOptionValueSource(option.attributeName()) === 'cli') return [];
    const setting = fromEnvironment(option, context) ?? file(option);
    return setting ? [{ option, ...setting }] : [];
  });
  for (const place of PLACES) {
    const here = found.filter((setting) => setting.place === place);
    for (const setting of here) {
      const { option, source } = setting;
      const value = parseSetting(option, setting);
      const rival = value === false ? undefined : options.find((other) => isRival(command, option, other));
      if (!rival) command.setOptionValueWithSource(option.attributeName(), value, source);
      else if (here.some((other) => other.option === rival)) {
        throw new UsageError(
          `${source}: ${flagName(option)} cannot be used with ${flagName(rival)}; leave one of them out`,
        );
      }
    }
  }
  if (command.getOptionValue('printConfig') === true) {
    printSettings(command, options, context);
    throw new CommanderError(0, 'tfjs-lora.printConfig', '');
  }
  return { quiet: command.getOptionValue('quiet') === true };
}

/** Whether `other` has a value already, with which `option` cannot be used. */
function isRival(command: CommandUnknownOpts, option: Option, other: Option): boolean {
  const excludes = (one: Option, two: Option) =>
    (one as Option & { conflictsWith: string[] }).conflictsWith.includes(two.attributeName());
  if (!excludes(option, other) && !excludes(other, option)) return false;
  const name = other.attributeName();
  const isSet = !['default', undefined].includes(command.getOptionValueSource(name));
  return isSet && command.getOptionValue(name) !== false;
}

function fromEnvironment(option: Option, context: CliContext): Setting | undefined {
  const name = `TFJS_LORA_${flagName(option).toUpperCase().replaceAll('-', '_')}`;
  const value = context.env[name];
  return value === undefined || value === '' ? undefined : { value, source: name, place: 'environment' };
}

function readConfig(
  command: CommandUnknownOpts,
  options: readonly Option[],
  context: CliContext,
): (option: Option) => Setting | undefined {
  if (!command.options.some((option) => option.long === '--config')) return () => undefined;
  const given = (command.getOptionValue('config') as string | undefined) ?? context.env.TFJS_LORA_CONFIG;
  if (!given) return () => undefined;
  const path = resolve(context.cwd, given);
  const table = readToml(path);
  const every = commandsBelow(rootOf(command));
  const known = new Set(every.flatMap((one) => [one.name(), ...one.options.map(flagName)]));
  const names = options.map(flagName);
  const takes = `${command.name()} takes ${names.join(', ')}`;
  const own = table[command.name()] ?? {};
  if (!isTable(own)) throw new UsageError(`${path}: ${command.name()} must be a table of options`);
  const stranger = Object.keys(table).find((key) => !known.has(key));
  if (stranger !== undefined) {
    throw new UsageError(
      `${path}: no option or command is called '${stranger}'; ${meant(stranger, known)}${takes}`,
    );
  }
  const wrong = Object.keys(own).find((key) => !names.includes(key));
  if (wrong !== undefined)
    throw new UsageError(
      `${path}: ${command.name()} has no option '${wrong}'; ${meant(wrong, names)}${takes}`,
    );
  return (option) => {
    const name = flagName(option);
    if (own[name] !== undefined) return { value: own[name], source: path, place: 'table' };
    if (table[name] !== undefined) return { value: table[name], source: path, place: 'top level' };
    return undefined;
  };
}

function meant(key: string, known: Iterable<string>): string {
  const near = nearest(key, known);
  return near === undefined ? '' : `did you mean '${near}'? `;
}

function parseSetting(option: Option, { value, source }: Setting): unknown {
  const where = `${source}: ${flagName(option)}`;
  const text = flagText(value);
  if (!option.required && !option.optional) {
    if (['true', '1'].includes(text)) return true;
    if (['false', '0'].includes(text)) return false;
    throw new UsageError(`${where} = ${text} is neither true nor false`);
  }
  if (isEmpty(option, text)) throw emptyValue(where);
  if (!option.parseArg) return text;
  try {
    return option.parseArg(text, undefined as never);
  } catch (error) {
    if (error instanceof CommanderError || error instanceof UsageError) {
      throw new UsageError(`${where} = ${text}: ${error.message}`);
    }
    throw error;
  }
}

/** What a flag would say: a list has commas, a table reads `name=value,...` as patterns and gates of digits do. */
function flagText(value: unknown): string {
  if (Array.isArray(value)) return value.map(flagText).join(',');
  if (value instanceof Date || !isTable(value)) return String(value);
  return Object.entries(value)
    .map(([name, entry]) => `${name}=${flagText(entry)}`)
    .join(',');
}

/** As from `--data "$DATA"` where the shell knows no such variable; few mean by it the default. */
function isEmpty(option: Option, value: unknown): boolean {
  return value === '' && option.defaultValue !== '';
}

function emptyValue(where: string): UsageError {
  return new UsageError(`${where}: is empty; give a value, or leave it out`);
}

function printSettings(command: CommandUnknownOpts, options: readonly Option[], context: CliContext): void {
  const settings = options.map((option) => [flagName(option), settingOf(command, option)] as const);
  if (command.getOptionValue('json') === true) {
    context.print(jsonText({ command: command.name(), options: Object.fromEntries(settings) }));
    return;
  }
  for (const [name, { value, source }] of settings) {
    context.print(
      value === null ? `# ${name} is not set` : `${name} = ${JSON.stringify(value)}  # ${source}`,
    );
  }
}

/** The value that a command will see, null where it has none. */
function settingOf(command: CommandUnknownOpts, option: Option): Omit<Setting, 'place'> {
  const name = option.attributeName();
  const source = command.getOptionValueSource(name) ?? 'default';
  return { value: command.getOptionValue(name) ?? null, source: source === 'cli' ? 'flag' : source };
}

function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent ? rootOf(command.parent) : command;
}

/** Those of `data` too: a file serves all commands, and none may stumble over what is meant for another. */
function commandsBelow(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.flatMap((child) => [child, ...commandsBelow(child)]);
}

/** The long flag without dashes; `--no-progress` reads `progress`. */
function flagName(option: Option): string {
  return option.long!.replace(/^--(no-)?/, '');
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
