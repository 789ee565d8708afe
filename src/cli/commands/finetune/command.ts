import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { importWithTensorFlow } from '../../import-command.ts';
import { addAdapterOptions } from '../../options/adapter.ts';
import { addGateOptions } from '../../options/gates.ts';
import { integer, labels, number } from '../../options/parsers.ts';
import { addReportOptions } from '../../options/report.ts';
import { addTrainingOptions, MAX_STEPS } from '../../options/training.ts';
import { explicitOptions } from '../../settings/options.ts';

/** `finetune RUN`: trains an adapter on chosen digits and compares adapter off with adapter on. */
export function addFinetuneCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('finetune')
    .description('train an adapter on chosen digits and compare each digit before and after')
    .argument(
      '<run>',
      'run folder: a base run gets a new adapter; the adapter of an adapted run is trained further',
    )
    .addOption(
      new Option(
        '--digits <list>',
        'target digits to train on, such as 2,3,5 or 2-5 (default: all)',
      ).argParser(labels),
    )
    .addOption(new Option('--steps <n>', 'optimizer steps').argParser(integer(1, MAX_STEPS)).default(200))
    .addOption(
      new Option('--replay <fraction>', 'fraction of each batch drawn from the other digits, 0 to 0.9')
        .argParser(number(0, 0.9))
        .default(0),
    )
    .addOption(
      new Option(
        '--max-drop <points>',
        'guard against forgetting: keep the best state in which no other digit lost more accuracy than this, in percentage points',
      ).argParser(number(0, 100)),
    )
    .addOption(
      new Option(
        '--search-strength',
        'after training, choose the adapter strength with the largest gain within the budget of --max-drop',
      ),
    )
    .addOption(
      new Option('--validation <fraction>', 'fraction of the training set held out for the guard')
        .argParser(number(0.001, 0.9))
        .default(0.1),
    )
    .addOption(
      new Option('--check-every <steps>', 'steps between two checks of the guard')
        .argParser(integer(1))
        .default(20),
    )
    .addOption(
      new Option(
        '--patience <checks>',
        'consecutive checks over budget that end training (default: 3, or unlimited with --replay)',
      ).argParser(integer(1)),
    );
  addGateOptions(addReportOptions(addAdapterOptions(addTrainingOptions(command)))).action(
    async (run, options, self) => {
      const { runFinetune } = await importWithTensorFlow(() => import('./run.ts'), options, context);
      await runFinetune(run, options, explicitOptions(self), context);
    },
  );
}
