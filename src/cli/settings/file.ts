import { resolve } from 'node:path';
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { closest, distance } from 'fastest-levenshtein';
import { UsageError } from '../../errors.ts';
import { readToml } from '../../files/index.ts';
import type { CliContext } from '../context.ts';
import { optionName } from './options.ts';

/** Where settings come from beside flags, the first before the second. */
export const PLACES = ['environment', 'table', 'top level'] as const;

/** A value for an option that was not given as a flag. */
export interface Setting {
  readonly value: unknown;
  readonly source: string;
  readonly place: (typeof PLACES)[number];
}

/**
 * Reads the TOML file that `--config` or TFJS_LORA_CONFIG names.
 *
 * @param options of the command that can come from a file
 * @returns gives what the file says of an option
 * @throws UsageError for a file that cannot be read, or a key that is no option or command
 */
export function readConfig(
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
  const commands = new Set(every.map((one) => one.name()));
  const known = new Set(every.flatMap((one) => one.options.map(optionName)));
  const names = options.map(optionName);
  const takes = `${command.name()} takes ${names.join(', ')}`;
  // Some words are both, such as `data`: a table is the command's, any other value the option's.
  const isOfCommand = (key: string) => commands.has(key) && isTable(table[key]);
  const stranger = Object.keys(table).find((key) => !known.has(key) && !isOfCommand(key));
  if (stranger !== undefined) {
    if (commands.has(stranger))
      throw new UsageError('invalid-argument', `${path}: ${stranger} must be a table of options`);
    throw new UsageError(
      'invalid-argument',
      `${path}: no option or command is called '${stranger}'; ${meant(stranger, [...commands, ...known])}${takes}`,
    );
  }
  const mine = table[command.name()];
  const own = isTable(mine) ? mine : {};
  const wrong = Object.keys(own).find((key) => !names.includes(key));
  if (wrong !== undefined)
    throw new UsageError(
      'invalid-argument',
      `${path}: ${command.name()} has no option '${wrong}'; ${meant(wrong, names)}${takes}`,
    );
  return (option) => {
    const name = optionName(option);
    if (own[name] !== undefined) return { value: own[name], source: path, place: 'table' };
    if (table[name] === undefined || isOfCommand(name)) return undefined;
    return { value: table[name], source: path, place: 'top level' };
  };
}

/** Suggests the most similar known word, unless more than half of its letters differ. */
function meant(key: string, known: readonly string[]): string {
  const candidate = closest(key, known);
  const similar = distance(key, candidate) <= Math.max(key.length, candidate.length) / 2;
  return similar ? `did you mean '${candidate}'? ` : '';
}

function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent ? rootOf(command.parent) : command;
}

/** Those of `data` too: a file serves all commands, and none may stumble over what is meant for another. */
function commandsBelow(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.flatMap((child) => [child, ...commandsBelow(child)]);
}

/** Whether a value of TOML is a table; a list is none. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
