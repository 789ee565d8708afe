import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { addSettings, type Device, shared } from '../../options/shared.ts';

/** What the options of `export` give. */
export interface ExportOptions {
  readonly base?: boolean;
  readonly adapter?: boolean;
  readonly device: Device;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `export RUN`: weights for PyTorch, or the adapter for PEFT. */
export function addExportCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('export')
    .description(
      "write a run's weights as a PyTorch state dict, with its adapter folded in, or the adapter for PEFT",
    )
    .argument('<run>', 'run folder')
    .addOption(new Option('--base', 'the weights without the adapter').conflicts('adapter'))
    .addOption(
      new Option('--adapter', 'the adapter alone, as the two files that PEFT loads; --out is a folder'),
    )
    .addOption(shared.device())
    .addOption(new Option('--out <file>', 'safetensors file to write, or the folder of the adapter'))
    .addOption(new Option('--overwrite', 'replace what --out names'))
    .addOption(shared.json());
  addSettings(command).action(async (run, options) => {
    const { exportRun } = await import('./run.ts');
    await exportRun(run, options, context);
  });
}
