import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { finite, positive } from '../../options/parsers.ts';
import { addNewRunOptions } from '../../options/shared.ts';

/** `import SOURCE`: a run from a LayersModel, weights of PyTorch, or an adapter of PEFT or mlx-lm. */
export function addImportCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('import')
    .description(
      'create a run from a model.json of tfjs or Keras, from PyTorch weights, or from a base and an adapter of PEFT or mlx-lm',
    )
    .argument(
      '<source>',
      'model.json with its weights, safetensors file with a PyTorch state dict, or folder or zip file with an adapter',
    )
    .addOption(
      new Option(
        '--into <run>',
        'run whose model gets the weights or the adapter (default: a DigitsNet)',
      ).conflicts(['architecture', 'head']),
    )
    .addOption(
      new Option('--architecture <file>', 'model.json of a LayersModel that gets the weights').conflicts(
        'head',
      ),
    )
    .addOption(
      new Option(
        '--prefix <text>',
        'use only tensors whose names start with this prefix, and remove it',
      ).default(''),
    )
    .addOption(
      new Option(
        '--head <name>',
        "activation of a DigitsNet's logits: 'relu', as in the published experiment, or 'linear'",
      )
        .choices(['relu', 'linear'] as const)
        .default('relu'),
    )
    .addOption(
      new Option('--mean <number>', 'mean of the pixels, 0 to 1, that the model was trained with').argParser(
        finite,
      ),
    )
    .addOption(new Option('--std <number>', 'standard deviation of these pixels').argParser(positive))
    .addOption(
      new Option('--any-base', 'load the adapter even if it was trained on a base other than --into'),
    );
  command.addOption(new Option('--data <path>', 'data set that a model.json must fit (default: no check)'));
  addNewRunOptions(command).action(async (source, options) => {
    const { runImport } = await import('./run.ts');
    await runImport(source, options, context);
  });
}
