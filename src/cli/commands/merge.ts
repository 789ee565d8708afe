import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { number, shared } from '../options/shared.ts';

export interface MergeOptions {
  readonly strength?: number;
  readonly device: 'auto' | 'cpu' | 'cuda' | 'wasm';
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `merge RUN`: a plain model with the adapter folded in. */
export function addMergeCommand(program: CommandUnknownOpts, context: CliContext): void {
  program
    .command('merge')
    .description("fold a run's adapter into its model: a plain LayersModel that tfjs loads alone")
    .argument('<run>', 'run folder with an adapter')
    .addOption(
      new Option('--strength <0..1>', "how much of the adapter to fold in (default: the run's)").argParser(
        number(0, 1),
      ),
    )
    .addOption(shared.device())
    .addOption(shared.out())
    .addOption(shared.overwrite())
    .addOption(shared.json())
    .addOption(shared.quiet())
    .addOption(shared.config())
    .addOption(shared.printConfig())
    .action(async (run, options) => {
      const { merge } = await import('../actions/merge.ts');
      await merge(run, options, context);
    });
}
