import type { Command, OptionValues } from '@commander-js/extra-typings';

type AnyOption = Parameters<Command['addOption']>[0];

/**
 * Options that several commands take together, as a function that adds them to a command. `Given` is what they give:
 * named, because the inferred type is a nest of one level an option.
 *
 * @param make makes the options, in the order of `--help`
 */
export function optionGroup<Given>(make: () => readonly AnyOption[]) {
  return <Args extends unknown[], Options extends OptionValues, Globals extends OptionValues>(
    command: Command<Args, Options, Globals>,
  ): Command<Args, Options & Given, Globals> => {
    for (const option of make()) command.addOption(option);
    return command as unknown as Command<Args, Options & Given, Globals>;
  };
}
