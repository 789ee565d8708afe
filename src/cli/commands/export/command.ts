import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { addSettings, shared } from '../../options/shared.ts';

/** `export RUN`: weights for PyTorch, or the adapter for PEFT. */
export function addExportCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('export')
    .description("write a run's weights as a PyTorch state dict, or its adapter for PEFT")
    .argument('<run>', 'run folder')
    .addOption(
      new Option('--base', 'write the weights without the adapter (default: with it merged)').conflicts(
        'adapter',
      ),
    )
    .addOption(
      new Option('--adapter', 'write the adapter, as adapter_config.json and adapter_model.safetensors'),
    )
    .addOption(shared.device())
    .addOption(
      new Option('--out <path>', 'safetensors file to write, or with --adapter the folder; required'),
    )
    .addOption(new Option('--overwrite', 'replace the file or adapter in --out'))
    .addOption(shared.json());
  addSettings(command).action(async (run, options) => {
    const { runExport } = await import('./run.ts');
    await runExport(run, options, context);
  });
}
