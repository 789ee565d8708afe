import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { Head } from '../../../models/index.ts';
import type { CliContext } from '../../context.ts';
import { finite, positive } from '../../options/parsers.ts';
import { addNewRunOptions, type NewRunOptions } from '../../options/shared.ts';

/** What the options of `import` give. */
export type ImportOptions = NewRunOptions & {
  readonly into?: string;
  readonly architecture?: string;
  readonly prefix: string;
  readonly head: Head;
  readonly mean?: number;
  readonly std?: number;
  readonly anyBase?: boolean;
};

/** `import SOURCE`: weights of PyTorch, or an adapter of PEFT or mlx-lm, as a run. */
export function addImportCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('import')
    .description('make a run of PyTorch weights, or of a base and an adapter of PEFT or mlx-lm')
    .argument('<source>', 'safetensors file of a PyTorch state dict, or the folder of an adapter')
    .addOption(
      new Option(
        '--into <run>',
        'run whose model takes the weights or the adapter (default: a DigitsNet)',
      ).conflicts(['architecture', 'head']),
    )
    .addOption(
      new Option('--architecture <file>', 'model.json of a LayersModel that takes the weights').conflicts(
        'head',
      ),
    )
    .addOption(new Option('--prefix <text>', 'take only names that begin with this, without it').default(''))
    .addOption(
      new Option('--head <name>', 'last layer of a DigitsNet: ReLU on the logits as published, or none')
        .choices(['relu', 'linear'] as const)
        .default('relu'),
    )
    .addOption(
      new Option('--mean <number>', 'mean of pixels in 0..1 that the model was trained with').argParser(
        finite,
      ),
    )
    .addOption(new Option('--std <number>', 'their standard deviation').argParser(positive))
    .addOption(new Option('--any-base', 'put the adapter on a base other than the one it was trained on'));
  addNewRunOptions(command).action(async (source, options) => {
    const { importSource } = await import('./run.ts');
    await importSource(source, options, context);
  });
}
