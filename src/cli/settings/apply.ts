import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { CommanderError } from '@commander-js/extra-typings';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../context.ts';
import { isTable, PLACES, readConfig, type Setting } from './file.ts';
import { optionName } from './options.ts';
import { printSettings } from './print.ts';

/** Options that steer the command line itself and cannot come from a file. */
const NOT_IN_FILES = new Set(['config', 'printConfig', 'help', 'version']);

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
          'invalid-argument',
          `${source}: ${optionName(option)} cannot be used with ${optionName(rival)}; leave one of them out`,
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
  const name = `TFJS_LORA_${optionName(option).toUpperCase().replaceAll('-', '_')}`;
  const value = context.env[name];
  return value === undefined || value === '' ? undefined : { value, source: name, place: 'environment' };
}

function parseSetting(option: Option, { value, source }: Setting): unknown {
  const where = `${source}: ${optionName(option)}`;
  const text = flagText(value);
  if (!option.required && !option.optional) {
    if (['true', '1'].includes(text)) return true;
    if (['false', '0'].includes(text)) return false;
    throw new UsageError('invalid-argument', `${where} = ${text} is neither true nor false`);
  }
  if (isEmpty(option, text)) throw emptyValue(where);
  if (!option.parseArg) return text;
  try {
    return option.parseArg(text, undefined as never);
  } catch (error) {
    if (error instanceof CommanderError || error instanceof UsageError) {
      throw new UsageError('invalid-argument', `${where} = ${text}: ${error.message}`);
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
  return new UsageError('invalid-argument', `${where}: is empty; give a value, or leave it out`);
}
