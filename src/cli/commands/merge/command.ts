import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { number } from '../../options/parsers.ts';
import { addNewRunOptions, type NewRunOptions } from '../../options/shared.ts';

/** What the options of `merge` give. */
export type MergeOptions = NewRunOptions & { readonly strength?: number };

/** `merge RUN`: a plain model with the adapter folded in. */
export function addMergeCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('merge')
    .description("fold a run's adapter into its model: a plain LayersModel that tfjs loads alone")
    .argument('<run>', 'run folder with an adapter')
    .addOption(
      new Option('--strength <0..1>', "how much of the adapter to fold in (default: the run's)").argParser(
        number(0, 1),
      ),
    );
  addNewRunOptions(command).action(async (run, options) => {
    const { merge } = await import('./run.ts');
    await merge(run, options, context);
  });
}
