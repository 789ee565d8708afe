import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { addGateOptions, type GateOptions } from '../options/gates.ts';
import { number } from '../options/parsers.ts';
import { addReportOptions, type ReportOptions } from '../options/report.ts';
import { addSettings, type Device, shared } from '../options/shared.ts';

/** What the options of `eval` give. */
export type EvalOptions = ReportOptions &
  GateOptions & {
    readonly strength?: number;
    readonly compare?: string;
    readonly baseline?: string;
    readonly mistakes?: string;
    readonly data?: string;
    readonly device: Device;
  };

/** `eval RUN`: accuracy and errors of each digit on the test set. */
export function addEvalCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('eval')
    .description('evaluate a run on the test set, digit by digit; alone, or against something')
    .argument('<run>', 'run folder')
    .addOption(
      new Option('--strength <0..1>', "how much of the adapter counts (default: the run's)").argParser(
        number(0, 1),
      ),
    )
    .addOption(new Option('--compare <run>', 'a run to compare with, evaluated on the same test set'))
    .addOption(
      new Option(
        '--baseline <report>',
        'a report.json, or a run that has one, of the same test set to compare with',
      ).conflicts('compare'),
    )
    .addOption(
      new Option(
        '--mistakes <dir>',
        'write each misread image there as PNG, in a folder per digit; must be empty or new',
      ),
    );
  const judged = addGateOptions(addReportOptions(command))
    .addOption(shared.data())
    .addOption(shared.device());
  addSettings(judged).action(async (run, options) => {
    const { evaluateRun } = await import('../actions/eval.ts');
    await evaluateRun(run, options, context);
  });
}
