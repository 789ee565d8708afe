import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { type AdapterOptions, addAdapterOptions } from '../options/adapter.ts';
import { addGateOptions, type GateOptions } from '../options/gates.ts';
import { integer, number } from '../options/parsers.ts';
import { addReportOptions, type ReportOptions } from '../options/report.ts';
import { addTrainingOptions, MAX_STEPS, type TrainingOptions } from '../options/training.ts';
import { explicitOptions } from '../settings/options.ts';

/** What the options of `finetune` give. */
export type FinetuneOptions = TrainingOptions &
  AdapterOptions &
  ReportOptions &
  GateOptions & {
    readonly digits?: string;
    readonly steps: number;
    readonly replay: number;
    readonly maxDrop?: number;
    readonly checkEvery: number;
    readonly patience?: number;
    readonly validation: number;
    readonly searchStrength?: boolean;
  };

/** `finetune RUN`: trains an adapter on chosen digits and compares adapter off with adapter on. */
export function addFinetuneCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('finetune')
    .description('train an adapter on chosen digits; shows each digit before and after on the same model')
    .argument('<run>', 'run folder: a base gets an adapter first, an adapted run goes on')
    .addOption(new Option('--digits <list>', 'digits to train on, such as 2,3,5,8,9 (default: all)'))
    .addOption(new Option('--steps <n>', 'optimizer steps').argParser(integer(1, MAX_STEPS)).default(200))
    .addOption(
      new Option('--replay <share>', 'share of each batch that comes from the other digits')
        .argParser(number(0, 0.9))
        .default(0),
    )
    .addOption(
      new Option(
        '--max-drop <points>',
        'guard: go back to the best state in which no other digit lost more',
      ).argParser(number(0, 100)),
    )
    .addOption(
      new Option('--search-strength', "store the adapter scale with the most gain within the guard's budget"),
    )
    .addOption(
      new Option('--validation <share>', 'share of the training set that the guard holds out')
        .argParser(number(0.001, 0.9))
        .default(0.1),
    )
    .addOption(
      new Option('--check-every <steps>', 'steps between checks of the guard')
        .argParser(integer(1))
        .default(20),
    )
    .addOption(
      new Option(
        '--patience <checks>',
        'checks beyond the budget that end training (default: 3; with --replay training goes on)',
      ).argParser(integer(1)),
    );
  addGateOptions(addReportOptions(addAdapterOptions(addTrainingOptions(command)))).action(
    async (run, options, self) => {
      const { finetune } = await import('../actions/finetune.ts');
      await finetune(run, options, explicitOptions(self), context);
    },
  );
}
