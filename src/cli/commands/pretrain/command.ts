import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { importWithTensorFlow } from '../../import-command.ts';
import { integer, positive } from '../../options/parsers.ts';
import { addReportOptions } from '../../options/report.ts';
import { addTrainingOptions, MAX_STEPS } from '../../options/training.ts';
import { explicitOptions } from '../../settings/options.ts';

/** `pretrain`: trains DigitsNet from seeded initial weights. */
export function addPretrainCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('pretrain')
    .description('train DigitsNet from seeded initial weights on all digits')
    .addOption(
      new Option('--epochs <n>', 'passes over the training set')
        .argParser(positive)
        .default(1)
        .conflicts('steps'),
    )
    .addOption(
      new Option('--steps <n>', 'optimizer steps, instead of --epochs').argParser(integer(1, MAX_STEPS)),
    )
    .addOption(
      new Option(
        '--head <name>',
        "activation of the logits: 'relu', as in the published experiment, or 'linear'",
      )
        .choices(['relu', 'linear'] as const)
        .default('relu'),
    );
  addReportOptions(addTrainingOptions(command)).action(async (options, self) => {
    const { runPretrain } = await importWithTensorFlow(() => import('./run.ts'), options, context);
    await runPretrain(options, explicitOptions(self), context);
  });
}
