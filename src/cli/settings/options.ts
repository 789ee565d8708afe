import type { Option } from '@commander-js/extra-typings';

/** Names of the options that a flag, a variable or a file gave; not those left at their default. */
export function explicitOptions(command: {
  readonly options: readonly Option[];
  getOptionValueSource(name: never): string | undefined;
}): Set<string> {
  const names = command.options.map((option) => option.attributeName());
  return new Set(
    names.filter((name) => !['default', undefined].includes(command.getOptionValueSource(name as never))),
  );
}

/** An option's flag by its name in code: `batchSize` is `--batch-size`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The long flag without dashes; `--no-progress` reads `progress`. */
export function optionName(option: Option): string {
  return option.long!.replace(/^--(no-)?/, '');
}
