import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { shared } from '../../options/shared.ts';

/** `setup`: native TensorFlow for this machine. */
export function addSetupCommand(program: CommandUnknownOpts, context: CliContext): void {
  program
    .command('setup')
    .description("install native TensorFlow: download its libraries, and compile tfjs-node's addon")
    .addOption(
      new Option('--device <name>', "device to set up; 'auto' falls back to wasm")
        .choices(['auto', 'cpu', 'cuda', 'wasm'])
        .default('auto'),
    )
    .addOption(shared.quiet())
    .action(async (options) => {
      const { runSetup } = await import('./run.ts');
      await runSetup(options, context);
    });
}
