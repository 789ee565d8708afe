import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { type AdapterOptions, addAdapterOptions } from '../options/adapter.ts';
import { shared } from '../options/shared.ts';

export type InjectLoraOptions = AdapterOptions & {
  readonly seed: number;
  readonly device: 'auto' | 'cpu' | 'cuda' | 'wasm';
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
};

/** `inject-lora BASE`: puts an adapter on a run's model. */
export function addInjectLoraCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('inject-lora')
    .description("put an untrained adapter on a run's model; the base stays as it is")
    .argument('<base>', 'run folder');
  addAdapterOptions(command)
    .addOption(shared.seed())
    .addOption(shared.device())
    .addOption(shared.out())
    .addOption(shared.overwrite())
    .addOption(shared.json())
    .addOption(shared.quiet())
    .addOption(shared.config())
    .addOption(shared.printConfig())
    .action(async (base, options) => {
      const { injectLoraInto } = await import('../actions/inject-lora.ts');
      await injectLoraInto(base, options, context);
    });
}
