import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { addSettings, type Device, shared } from '../../options/shared.ts';

/** What the options of `verify` give. */
export interface VerifyOptions {
  readonly data?: string;
  readonly device: Device;
  readonly json?: boolean;
}

/** `verify RUN`: proofs on the run's own files. */
export function addVerifyCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('verify')
    .description(
      "prove on a run's own files that its adapter does what it should; exit code 4 when it does not",
    )
    .argument('<run>', 'run folder')
    .addOption(shared.data())
    .addOption(shared.device())
    .addOption(shared.json());
  addSettings(command).action(async (run, options) => {
    const { verifyRun } = await import('./run.ts');
    await verifyRun(run, options, context);
  });
}
