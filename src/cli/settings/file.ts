import { resolve } from 'node:path';
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { closest, distance } from 'fastest-levenshtein';
import { UsageError } from '../../errors.ts';
import { readToml } from '../../files/index.ts';
import type { CliContext } from '../context.ts';
import { isRecord } from '../options/parsers.ts';
import { optionName } from './options.ts';

/** Where values come from that are not on the command line, highest precedence first. */
export const LAYERS = ['environment', "command's table", 'top level'] as const;

/** A value for an option that is not on the command line. */
export interface Setting {
  readonly value: unknown;
  /** Name of the variable or path of the file. */
  readonly source: string;
  readonly layer: (typeof LAYERS)[number];
}

/**
 * Reads the TOML file that `--config` or TFJS_LORA_CONFIG names. It has options at the top level, and in one table per
 * command, which takes precedence. Options and tables of other commands are allowed: a file serves all commands.
 *
 * @param options the command's options that can be set in a file
 * @returns a function that looks up an option
 * @throws UsageError if the file cannot be read, or a key is neither an option nor a command
 */
export function readSettingsFile(
  command: CommandUnknownOpts,
  options: readonly Option[],
  context: CliContext,
): (option: Option) => Setting | undefined {
  if (!command.options.some((option) => option.long === '--config')) return () => undefined;
  const file = (command.getOptionValue('config') as string | undefined) ?? context.env.TFJS_LORA_CONFIG;
  if (!file) return () => undefined;
  const path = resolve(context.cwd, file);
  const topLevel = readToml(path);
  const commands = commandsBelow(rootOf(command));
  // Words such as `data` are both a command and an option: a table is the command's, any other value the option's.
  const tables = new Set(
    commands.map((candidate) => candidate.name()).filter((name) => isRecord(topLevel[name])),
  );
  const table = tables.has(command.name()) ? (topLevel[command.name()] as Record<string, unknown>) : {};
  const names = options.map(optionName);
  const listed = `options of ${command.name()}: ${names.join(', ')}`;
  requireKnownKeys(
    path,
    Object.keys(topLevel).filter((key) => !tables.has(key)),
    commands,
    listed,
  );
  const unknown = Object.keys(table).find((key) => !names.includes(key));
  if (unknown !== undefined) {
    const problem = `unknown option '${unknown}' of ${command.name()}`;
    throw new UsageError('invalid-argument', `${path}: ${problem}; ${suggestion(unknown, names)}${listed}`);
  }
  return (option) => {
    const name = optionName(option);
    if (table[name] !== undefined) return { value: table[name], source: path, layer: "command's table" };
    if (topLevel[name] === undefined || tables.has(name)) return undefined;
    return { value: topLevel[name], source: path, layer: 'top level' };
  };
}

/** @throws UsageError with the first key that is not an option of any command */
function requireKnownKeys(
  path: string,
  keys: readonly string[],
  commands: readonly CommandUnknownOpts[],
  listed: string,
): void {
  const commandNames = commands.map((command) => command.name());
  const optionNames = commands.flatMap((command) => command.options.map(optionName));
  const unknown = keys.find((key) => !optionNames.includes(key));
  if (unknown === undefined) return;
  if (commandNames.includes(unknown))
    throw new UsageError('invalid-argument', `${path}: ${unknown}: must be a table of options`);
  throw new UsageError(
    'invalid-argument',
    `${path}: unknown option '${unknown}'; ${suggestion(unknown, [...commandNames, ...optionNames])}${listed}`,
  );
}

/** Suggests the most similar known word, unless more than half of its letters differ. */
function suggestion(key: string, known: readonly string[]): string {
  const candidate = closest(key, known);
  const isSimilar = distance(key, candidate) <= Math.max(key.length, candidate.length) / 2;
  return isSimilar ? `did you mean '${candidate}'? ` : '';
}

function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent ? rootOf(command.parent) : command;
}

function commandsBelow(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.flatMap((child) => [child, ...commandsBelow(child)]);
}
