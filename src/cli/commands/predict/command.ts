import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.ts';
import type { CliContext } from '../../context.ts';
import { importWithTensorFlow } from '../../import-command.ts';
import { integer, wholeNumbers } from '../../options/parsers.ts';
import { addSettings, shared } from '../../options/shared.ts';

/** `predict FILES`: the classes of images. */
export function addPredictCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('predict')
    .description('classify PNG files of digits, of any size and colour, or rows of IDX files')
    .argument('<files...>', 'PNG files or IDX files of images')
    .addOption(new Option('--model <run>', 'run folder with the model to use; required'))
    .addOption(
      new Option('--rows <list>', 'rows of the IDX files, such as 0,5,10-19 (default: all)').argParser(
        wholeNumbers('row numbers'),
      ),
    )
    .addOption(
      new Option('--top <n>', 'number of most likely classes to show').argParser(integer(1)).default(2),
    )
    .addOption(
      new Option(
        '--prepared <dir>',
        'write the normalized images, the input of the model, to this folder as PNG files',
      ),
    )
    .addOption(shared.adjust())
    .addOption(shared.device())
    .addOption(shared.json());
  addSettings(command).action(async (files, options) => {
    const { model } = options;
    if (model === undefined) {
      throw new UsageError('invalid-argument', '--model is missing; name a run, such as runs/pretrain');
    }
    const { runPredict } = await importWithTensorFlow(() => import('./run.ts'), options, context);
    await runPredict(files, { ...options, model }, context);
  });
}
