import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { importWithTensorFlow } from '../../import-command.ts';
import { baseModelOption } from '../../options/base-model.ts';
import { number } from '../../options/parsers.ts';
import { addNewRunOptions } from '../../options/shared.ts';

/** `merge RUN`: a plain model whose weights include the adapter. */
export function addMergeCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('merge')
    .description(
      "merge a run's adapter into its model, as a plain LayersModel, or an adapter into a GraphModel",
    )
    .argument('<run>', 'run folder with an adapter; with --base-model, adapter folder')
    .addOption(baseModelOption())
    .addOption(
      new Option(
        '--strength <0..1>',
        "strength of the adapter: multiplies alpha / rank (default: the run's)",
      ).argParser(number(0, 1)),
    );
  addNewRunOptions(command).action(async (run, options) => {
    const { runMerge } = await importWithTensorFlow(() => import('./run.ts'), options, context);
    await runMerge(run, options, context);
  });
}
