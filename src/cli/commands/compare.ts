import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { addGateOptions, type GateOptions } from '../options/gates.ts';
import { addReportOptions, type ReportOptions } from '../options/report.ts';
import { addSettings } from '../options/shared.ts';

/** What the options of `compare` give. */
export type CompareOptions = ReportOptions & GateOptions & { readonly data?: string };

/** `compare BEFORE AFTER`: two runs, or two report.json files, of the same examples. */
export function addCompareCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('compare')
    .description('compare two evaluations of the same examples, digit by digit; gates can refuse the second')
    .argument('<before>', 'run folder or report.json')
    .argument('<after>', 'run folder or report.json');
  const judged = addGateOptions(addReportOptions(command)).addOption(
    new Option('--data <dir>', 'folder with the IDX files, for the images of an HTML report'),
  );
  addSettings(judged).action(async (before, after, options) => {
    const { compareReports } = await import('../actions/compare.ts');
    await compareReports(before, after, options, context);
  });
}
