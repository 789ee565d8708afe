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
  const isCommand = (key: string) => commands.some((candidate) => candidate.name() === key);
  // Words such as `data` are both: a table is the command's, any other value the option's.
  const isCommandTable = (key: string) => isCommand(key) && isRecord(topLevel[key]);
  const table = isCommandTable(command.name()) ? (topLevel[command.name()] as object) : {};
  const tableValues = new Map(Object.entries(table));

  const names = options.map(optionName);
  const anyOption = commands.flatMap((candidate) => candidate.options.map(optionName));
  const listed = `options of ${command.name()}: ${names.join(', ')}`;
  for (const key of Object.keys(topLevel)) {
    if (anyOption.includes(key) || isCommandTable(key)) continue;
    if (isCommand(key))
      throw new UsageError('invalid-argument', `${path}: ${key}: must be a table of options`);
    const similar = suggestion(key, [...commands.map((candidate) => candidate.name()), ...anyOption]);
    throw new UsageError('invalid-argument', `${path}: unknown option '${key}'; ${similar}${listed}`);
  }
  for (const key of tableValues.keys()) {
    if (names.includes(key)) continue;
    throw new UsageError(
      'invalid-argument',
      `${path}: unknown option '${key}' of ${command.name()}; ${suggestion(key, names)}${listed}`,
    );
  }
  return (option) => {
    const name = optionName(option);
    const ofCommand = tableValues.get(name);
    if (ofCommand !== undefined) return { value: ofCommand, source: path, layer: "command's table" };
    if (topLevel[name] === undefined || isCommandTable(name)) return undefined;
    return { value: topLevel[name], source: path, layer: 'top level' };
  };
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
