import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { TensorFlowError } from '../../errors.ts';
import type { CliContext } from '../context.ts';
import { shared } from '../options/shared.ts';

/** `setup`: what scripts/setup.mjs does, also where this package is installed by npm. */
export function addSetupCommand(program: CommandUnknownOpts, context: CliContext): void {
  program
    .command('setup')
    .description("get native TensorFlow: its libraries into the cache folder, tfjs-node's addon compiled")
    .addOption(
      new Option('--device <name>', 'what must work afterwards; auto makes do with wasm')
        .choices(['auto', 'cpu', 'cuda', 'wasm'])
        .default('auto'),
    )
    .addOption(shared.quiet())
    .action(async ({ device }) => {
      const { setUp } = await import('../../../scripts/setup/set-up.mjs');
      try {
        await setUp({ device, note: context.note });
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'SetupError') throw error;
        throw new TensorFlowError('tensorflow-failed', error.message, { cause: error });
      }
      context.note("set up; 'tfjs-lora doctor' shows what runs");
    });
}
