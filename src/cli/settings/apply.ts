import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { CommanderError } from '@commander-js/extra-typings';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../context.ts';
import { optionText } from '../options/parsers.ts';
import { LAYERS, readSettingsFile, type Setting } from './file.ts';
import { optionName, variableName } from './options.ts';
import { printSettings } from './print.ts';

/** Options that cannot be set in a file or by a variable. */
const COMMAND_LINE_ONLY = new Set(['config', 'printConfig', 'help', 'version']);

/**
 * Sets the options that are not on the command line: from `TFJS_LORA_<OPTION>`, else from the TOML file of `--config`,
 * else to their default. An option that conflicts with one of higher precedence is ignored.
 *
 * Commander's own `Option.env()` is not used: it reads `process.env` directly, and takes `=false` as true.
 *
 * @throws UsageError if a value is invalid or empty, a key is unknown, the file cannot be read, or two options from one
 *   source conflict
 * @throws CommanderError with exit code 0 after `--print-config` has printed the options
 */
export function applySettings(command: CommandUnknownOpts, context: CliContext): void {
  for (const option of command.options) {
    if (isEmpty(option, command.getOptionValue(option.attributeName()))) throw emptyValue(option.long!);
  }
  const options = command.options.filter((option) => !COMMAND_LINE_ONLY.has(option.attributeName()));
  const fromFile = readSettingsFile(command, options, context);
  const settings = options.flatMap((option) => {
    if (command.getOptionValueSource(option.attributeName()) === 'cli') return [];
    const setting = fromEnvironment(option, context) ?? fromFile(option);
    return setting ? [{ option, ...setting }] : [];
  });
  for (const layer of LAYERS) {
    applyLayer(
      command,
      options,
      settings.filter((setting) => setting.layer === layer),
    );
  }
  if (command.getOptionValue('printConfig') === true) {
    printSettings(command, options, context);
    throw new CommanderError(0, 'tfjs-lora.printConfig', '');
  }
}

function applyLayer(
  command: CommandUnknownOpts,
  options: readonly Option[],
  settings: readonly (Setting & { readonly option: Option })[],
): void {
  for (const setting of settings) {
    const { option, source } = setting;
    const value = parseSetting(option, setting);
    const conflicting =
      value === false ? undefined : options.find((candidate) => conflicts(command, option, candidate));
    if (!conflicting) {
      command.setOptionValueWithSource(option.attributeName(), value, source);
    } else if (settings.some((candidate) => candidate.option === conflicting)) {
      throw new UsageError(
        'invalid-argument',
        `${source}: ${optionName(option)} cannot be used with ${optionName(conflicting)}; omit one of them`,
      );
    }
  }
}

/** Whether `candidate` is set and cannot be used together with `option`. */
function conflicts(command: CommandUnknownOpts, option: Option, candidate: Option): boolean {
  const excludes = (first: Option, second: Option) =>
    (first as Option & { conflictsWith: string[] }).conflictsWith.includes(second.attributeName());
  if (!excludes(option, candidate) && !excludes(candidate, option)) return false;
  const name = candidate.attributeName();
  const isSet = !['default', undefined].includes(command.getOptionValueSource(name));
  return isSet && command.getOptionValue(name) !== false;
}

function fromEnvironment(option: Option, context: CliContext): Setting | undefined {
  const name = variableName(option);
  const value = context.env[name];
  return value === undefined || value === '' ? undefined : { value, source: name, layer: 'environment' };
}

function parseSetting(option: Option, { value, source }: Setting): unknown {
  const where = `${source}: ${optionName(option)}`;
  const text = optionText(value);
  if (!option.required && !option.optional) {
    if (['true', '1'].includes(text)) return true;
    if (['false', '0'].includes(text)) return false;
    throw new UsageError('invalid-argument', `${where} = ${text}: must be true or false`);
  }
  if (isEmpty(option, text)) throw emptyValue(where);
  if (!option.parseArg) return text;
  try {
    return option.parseArg(text, undefined as never);
  } catch (error) {
    if (error instanceof CommanderError) {
      throw new UsageError('invalid-argument', `${where} = ${text}: ${error.message}`);
    }
    throw error;
  }
}

/** An empty value usually comes from a shell variable that is not set, as in `--data "$DATA"`. */
function isEmpty(option: Option, value: unknown): boolean {
  return value === '' && option.defaultValue !== '';
}

function emptyValue(where: string): UsageError {
  return new UsageError('invalid-argument', `${where}: the value is empty; set one, or omit the option`);
}
