import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { shared } from '../../options/shared.ts';

/** `doctor`: what works on this machine. */
export function addDoctorCommand(program: CommandUnknownOpts, context: CliContext): void {
  program
    .command('doctor')
    .description(
      'show which devices and engines work, and how to fix the others; exit code 6 if --device does not work',
    )
    .addOption(shared.device())
    .addOption(shared.data())
    .addOption(shared.json())
    .action(async (options) => {
      const { runDoctor } = await import('./run.ts');
      await runDoctor(options, context);
    });
}
