import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { addReportOptions, type ReportOptions } from '../options/report.ts';
import { givenOptions, integer, positive } from '../options/shared.ts';
import type { TrainingOptions } from '../options/training.ts';
import { addTrainingOptions } from '../options/training.ts';

export type PretrainOptions = TrainingOptions &
  ReportOptions & {
    readonly epochs: number;
    readonly steps?: number;
    readonly head: 'relu' | 'linear';
  };

/** `pretrain`: a classifier from seeded initial weights. */
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
    .addOption(new Option('--steps <n>', 'optimizer steps, instead of epochs').argParser(integer(1)))
    .addOption(
      new Option('--head <name>', 'last layer: ReLU on the logits as published, or none')
        .choices(['relu', 'linear'] as const)
        .default('relu' as const),
    );
  addReportOptions(addTrainingOptions(command)).action(async (options, self) => {
    const { pretrain } = await import('../actions/pretrain.ts');
    await pretrain(options, givenOptions(self), context);
  });
}
