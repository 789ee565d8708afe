import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { baseModelOption, rejectRunOptions } from '../../options/base-model.ts';
import { addSettings, shared } from '../../options/shared.ts';

/** `verify RUN`: checks that the run, or an adapter and its base, behaves as this library guarantees. */
export function addVerifyCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('verify')
    .description(
      'check that a run is intact, and that its adapter can be disabled, merged, saved and used in PEFT; ' +
        'exit code 4 if a check fails',
    )
    .argument('<run>', 'run folder; with --base-model, adapter folder')
    .addOption(baseModelOption())
    .addOption(shared.data())
    .addOption(shared.adjust())
    .addOption(shared.device())
    .addOption(shared.json());
  addSettings(command).action(async (run, options, self) => {
    if (options.baseModel !== undefined) rejectRunOptions(self, ['data', 'adjust']);
    const { runVerify } = await import('./run.ts');
    await runVerify(run, options, context);
  });
}
