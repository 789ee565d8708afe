import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { addGateOptions } from '../../options/gates.ts';
import { addReportOptions } from '../../options/report.ts';
import { addSettings } from '../../options/shared.ts';

/** `compare BEFORE AFTER`: two runs, or two report.json files, of the same images. */
export function addCompareCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('compare')
    .description('compare two evaluations of the same images, digit by digit; gates apply to the second')
    .argument('<before>', 'run folder or report.json')
    .argument('<after>', 'run folder or report.json');
  const withReport = addGateOptions(addReportOptions(command)).addOption(
    new Option('--data <dir>', 'folder with the IDX files, for the images in an HTML report'),
  );
  addSettings(withReport).action(async (before, after, options) => {
    const { runCompare } = await import('./run.ts');
    await runCompare(before, after, options, context);
  });
}
