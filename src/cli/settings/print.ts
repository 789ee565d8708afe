import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { jsonText } from '../../files/index.ts';
import type { CliContext } from '../context.ts';
import type { Setting } from './file.ts';
import { optionName } from './options.ts';

/** Prints each option with its value and source, as TOML with comments, or as one JSON document with `--json`. */
export function printSettings(
  command: CommandUnknownOpts,
  options: readonly Option[],
  context: CliContext,
): void {
  const settings = options.map((option) => [optionName(option), settingOf(command, option)] as const);
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
