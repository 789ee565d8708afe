import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { jsonText } from '../../files/index.ts';
import { escapeControls } from '../../text/index.ts';
import type { CliContext } from '../context.ts';
import { isRecord, optionText } from '../options/parsers.ts';
import { optionName } from './options.ts';

/**
 * Prints each option with its value and where it comes from: as one JSON document with `--json`, else as TOML that
 * `--config` reads.
 */
export function printSettings(
  command: CommandUnknownOpts,
  options: readonly Option[],
  context: CliContext,
): void {
  const settings = options.map((option) => {
    const attribute = option.attributeName();
    const value: unknown = command.getOptionValue(attribute);
    const source = command.getOptionValueSource(attribute) ?? 'default';
    return {
      name: optionName(option),
      value: value instanceof RegExp ? String(value) : (value ?? null),
      source: source === 'cli' ? 'command line' : source,
    };
  });
  if (command.getOptionValue('json') === true) {
    const byName = settings.map(({ name, ...setting }) => [name, setting]);
    context.print(jsonText({ command: command.name(), options: Object.fromEntries(byName) }));
    return;
  }
  for (const { name, value, source } of settings) {
    const text = escapeControls(JSON.stringify(isRecord(value) ? optionText(value) : value));
    context.print(value === null ? `# ${name} is not set` : `${name} = ${text}  # ${source}`);
  }
}
