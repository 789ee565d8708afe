import type { Option } from '@commander-js/extra-typings';

/** An option's name in settings files: `--batch-size` is `batch-size`, `--no-progress` is `progress`. */
export function optionName(option: Option): string {
  return option.long!.replace(/^--(no-)?/, '');
}

/** An option's environment variable: `--batch-size` is `TFJS_LORA_BATCH_SIZE`. */
export function variableName(option: Option): string {
  return `TFJS_LORA_${optionName(option).toUpperCase().replaceAll('-', '_')}`;
}

/** An option as on the command line, from its name in code: `batchSize` is `--batch-size`. */
export function flagOf(attributeName: string): string {
  return `--${attributeName.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Names in code of the options that the command line, the environment or a file set. Defaults do not count. */
export function explicitOptions(command: {
  readonly options: readonly Option[];
  getOptionValueSource(name: never): string | undefined;
}): Set<string> {
  const names = command.options.map((option) => option.attributeName());
  return new Set(
    names.filter((name) => !['default', undefined].includes(command.getOptionValueSource(name as never))),
  );
}
