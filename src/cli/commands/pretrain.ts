import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { Head } from '../../models/index.ts';
import type { CliContext } from '../context.ts';
import { integer, positive } from '../options/parsers.ts';
import { addReportOptions, type ReportOptions } from '../options/report.ts';
import { addTrainingOptions, MAX_STEPS, type TrainingOptions } from '../options/training.ts';
import { explicitOptions } from '../settings/options.ts';

/** What the options of `pretrain` give. */
export type PretrainOptions = TrainingOptions &
  ReportOptions & {
    readonly epochs: number;
    readonly steps?: number;
    readonly head: Head;
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
    .addOption(
      new Option('--steps <n>', 'optimizer steps, instead of epochs').argParser(integer(1, MAX_STEPS)),
    )
    .addOption(
      new Option('--head <name>', 'last layer: ReLU on the logits as published, or none')
        .choices(['relu', 'linear'] as const)
        .default('relu'),
    );
  addReportOptions(addTrainingOptions(command)).action(async (options, self) => {
    const { pretrain } = await import('../actions/pretrain.ts');
    await pretrain(options, explicitOptions(self), context);
  });
}
