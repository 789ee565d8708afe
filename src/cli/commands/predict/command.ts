import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.ts';
import type { CliContext } from '../../context.ts';
import { integer, rows } from '../../options/parsers.ts';
import { addSettings, type Device, shared } from '../../options/shared.ts';

/** What the options of `predict` give. */
export interface PredictOptions {
  /** Folder of the run. */
  readonly model: string;
  readonly rows?: readonly number[];
  readonly top: number;
  readonly prepared?: string;
  readonly device: Device;
  readonly json?: true;
}

/** `predict`: what a run's model says about pictures and rows of IDX files. */
export function addPredictCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('predict')
    .description('classify PNG pictures of digits, of any size and colour, or rows of IDX files')
    .argument('<files...>', 'PNG pictures or IDX files of images')
    .option('--model <run>', 'folder of the run whose model to use')
    .addOption(
      new Option('--rows <list>', 'rows of the IDX files, such as 0,5,10-19 (default: all)').argParser(rows),
    )
    .addOption(
      new Option('--top <n>', 'how many of the likeliest classes to show').argParser(integer(1)).default(2),
    )
    .option('--prepared <dir>', 'also write what the model sees of each picture, as PNG')
    .addOption(shared.device())
    .addOption(shared.json());
  addSettings(command).action(async (files, options) => {
    const { model, ...others } = options;
    if (!model) {
      throw new UsageError(
        'invalid-argument',
        '--model: name the run whose model is to classify, such as runs/pretrain',
      );
    }
    const { predict } = await import('./run.ts');
    await predict(files, { model, ...others }, context);
  });
}
