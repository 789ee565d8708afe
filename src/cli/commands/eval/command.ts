import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { importWithTensorFlow } from '../../import-command.ts';
import { addGateOptions } from '../../options/gates.ts';
import { number } from '../../options/parsers.ts';
import { addReportOptions } from '../../options/report.ts';
import { addSettings, shared } from '../../options/shared.ts';

/** `eval RUN`: accuracy and errors of each digit on the test set. */
export function addEvalCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('eval')
    .description('evaluate a run on the test set, digit by digit, alone or compared with another run')
    .argument('<run>', 'run folder')
    .addOption(
      new Option(
        '--strength <0..1>',
        "strength of the adapter: multiplies alpha / rank, 0 turns it off (default: the run's)",
      ).argParser(number(0, 1)),
    )
    .addOption(new Option('--compare <run>', 'run to compare with, evaluated on the same test set'))
    .addOption(
      new Option(
        '--baseline <report>',
        'report to compare with, of the same test set: a report.json, or a run folder with one',
      ).conflicts('compare'),
    )
    .addOption(
      new Option(
        '--mistakes <dir>',
        'write each misclassified image as a PNG file, <digit>/<row>-predicted-<digit>.png, to an empty or new folder',
      ),
    );
  const withReport = addGateOptions(addReportOptions(command))
    .addOption(shared.data())
    .addOption(shared.adjust())
    .addOption(shared.device());
  addSettings(withReport).action(async (run, options) => {
    const { runEval } = await importWithTensorFlow(() => import('./run.ts'), options, context);
    await runEval(run, options, context);
  });
}
