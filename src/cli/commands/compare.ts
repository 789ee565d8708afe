import { resolve } from 'node:path';
import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { Report } from '../../report/report.ts';
import type { CliContext } from '../context.ts';
import { addGateOptions, gatesFrom } from '../options/gates.ts';
import { addReportOptions, publishReport, wantsHtml } from '../options/report.ts';
import { shared } from '../options/shared.ts';

/** `compare BEFORE AFTER`: two runs, or two report.json files, of the same examples. */
export function addCompareCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('compare')
    .description('compare two evaluations of the same examples, digit by digit; gates can refuse the second')
    .argument('<before>', 'run folder or report.json')
    .argument('<after>', 'run folder or report.json');
  addGateOptions(addReportOptions(command))
    .addOption(new Option('--data <dir>', 'folder with the IDX files, for the images of an HTML report'))
    .addOption(shared.quiet())
    .addOption(shared.config())
    .addOption(shared.printConfig())
    .action(async (before, after, options) => {
      const { readReport } = await import('../../report/read.ts');
      const { checkGates, requireGates, validateGates } = await import('../../gates/check.ts');
      const [old, now] = [
        await readReport(resolve(context.cwd, before)),
        await readReport(resolve(context.cwd, after)),
      ];
      const gates = await gatesFrom(options, context);
      const { evaluation } = now.evaluation;
      validateGates(gates, { classNames: evaluation.classNames, compared: true });
      const judged = { evaluation, baseline: old.evaluation.evaluation, tuned: now.tuned };
      const report: Report = {
        ...now,
        createdAt: new Date().toISOString(),
        subject: { ...now.subject, command: 'compare', run: undefined },
        baseline: { name: before, evaluation: judged.baseline },
        evaluation: { name: after, evaluation },
        gates: checkGates(judged, gates),
      };
      const images = wantsHtml(options) ? await imagesOf(report, options.data, context) : undefined;
      await publishReport(report, options, context, { images });
      requireGates(report.gates!);
    });
}

/** The images the report is about; none, with a line that says so, where they are not at hand. */
async function imagesOf(report: Report, directory: string | undefined, context: CliContext) {
  const { findMnist, loadSplit } = await import('../../mnist-data-loader/index.ts');
  try {
    const { dataset } = await loadSplit(await findMnist(directory, context.cwd), 'test');
    const { labels } = report.evaluation.evaluation;
    if (Buffer.compare(Buffer.from(labels), Buffer.from(dataset.labels)) === 0) return dataset;
    context.note(
      'the HTML report shows no images: the test set at hand is another one; name its folder with --data',
    );
  } catch (error) {
    if (directory !== undefined) throw error;
    context.note('the HTML report shows no images: no IDX files at hand; name their folder with --data');
  }
  return undefined;
}
