import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { Option } from '@commander-js/extra-typings';
import { UsageError } from '../../errors.ts';

/** `--base-model`: for commands that also take an adapter that is not part of a run. */
export const baseModelOption = () =>
  new Option(
    '--base-model <file>',
    'model.json of a GraphModel or LayersModel; the argument is then a folder with an adapter for it',
  );

/**
 * Rejects options that apply to runs only. Variables and files set options for several commands, so only the command line is
 * checked.
 *
 * @throws UsageError that names the first of them on the command line
 */
export function rejectRunOptions(command: CommandUnknownOpts, names: readonly string[]): void {
  const excess = names.find((name) => command.getOptionValueSource(name) === 'cli');
  if (excess !== undefined)
    throw new UsageError('invalid-argument', `--${excess}: needs a run; omit it, or omit --base-model`);
}
