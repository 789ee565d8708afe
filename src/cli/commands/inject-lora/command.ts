import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { type AdapterOptions, addAdapterOptions } from '../../options/adapter.ts';
import { addNewRunOptions, type NewRunOptions, shared } from '../../options/shared.ts';

/** What the options of `inject-lora` give. */
export type InjectLoraOptions = AdapterOptions & NewRunOptions & { readonly seed: number };

/** `inject-lora BASE`: puts an adapter on a run's model. */
export function addInjectLoraCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('inject-lora')
    .description("put an untrained adapter on a run's model; the base stays as it is")
    .argument('<base>', 'run folder');
  addNewRunOptions(addAdapterOptions(command).addOption(shared.seed())).action(async (base, options) => {
    const { injectLoraInto } = await import('./run.ts');
    await injectLoraInto(base, options, context);
  });
}
