import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { importWithTensorFlow } from '../../import-command.ts';
import { addAdapterOptions } from '../../options/adapter.ts';
import { addNewRunOptions, shared } from '../../options/shared.ts';

/** `inject-lora RUN`: a run with an untrained adapter. */
export function addInjectLoraCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('inject-lora')
    .description("add an untrained adapter to a run's model, as a new run")
    .argument('<run>', 'run folder without an adapter');
  addNewRunOptions(addAdapterOptions(command).addOption(shared.seed('the initial A and B'))).action(
    async (run, options) => {
      const { runInjectLora } = await importWithTensorFlow(() => import('./run.ts'), options, context);
      await runInjectLora(run, options, context);
    },
  );
}
