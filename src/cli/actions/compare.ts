import { resolve } from 'node:path';
import { checkGates, requireGates, validateGates } from '../../gates/index.ts';
import { findMnist, type ImageDataset, loadSplit } from '../../mnist-data-loader/index.ts';
import { type Report, readReport } from '../../report/index.ts';
import type { CompareOptions } from '../commands/compare.ts';
import type { CliContext } from '../context.ts';
import { gatesFrom } from '../options/gates.ts';
import { wantsHtml } from '../options/report.ts';
import { publishReport } from './publish-report.ts';

/** Compares the evaluations of two runs or reports, and checks the gates. */
export async function compareReports(
  before: string,
  after: string,
  options: CompareOptions,
  context: CliContext,
): Promise<void> {
  const old = await readReport(resolve(context.cwd, before));
  const now = await readReport(resolve(context.cwd, after));
  const gates = await gatesFrom(options, context);
  const { evaluation } = now;
  validateGates(gates, { classNames: evaluation.classNames, compared: true });
  const judged = { evaluation, baseline: old.evaluation, targetLabels: now.targetLabels };
  const results = checkGates(judged, gates);
  const report: Report = {
    ...now,
    createdAt: new Date().toISOString(),
    run: { ...now.run, command: 'compare', folder: undefined },
    baseline: { ...old.evaluation, name: before },
    evaluation: { ...evaluation, name: after },
    gates: results,
  };
  const images = wantsHtml(options) ? await imagesOf(report, options.data, context) : undefined;
  await publishReport(report, options, context, { images });
  requireGates(results);
}

/** The images the report is about; none, with a line that says so, where they are not at hand. */
async function imagesOf(
  report: Report,
  directory: string | undefined,
  context: CliContext,
): Promise<ImageDataset | undefined> {
  try {
    const { dataset } = await loadSplit(await findMnist(directory, context.cwd), 'test');
    const { labels } = report.evaluation;
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
