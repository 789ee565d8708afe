import {
  adjustImages,
  IMAGE_ADJUSTMENTS,
  type ImageAdjustment,
  type ImageDataset,
} from '../../../data/index.ts';
import { findMnist, loadSplit } from '../../../mnist-data-loader/index.ts';
import { compareReports } from '../../../recipes/index.ts';
import { areEvaluatedImages, type Report } from '../../../report/index.ts';
import type { CliContext } from '../../context.ts';
import { type GateOptions, gatesFrom } from '../../options/gates.ts';
import { type ReportOptions, wantsHtml } from '../../options/report.ts';
import { publishReport } from '../../publish-report.ts';

/** Options of `compare`. */
export type CompareCommandOptions = ReportOptions & GateOptions & { readonly data?: string };

/** Compares the reports of two runs or files, prints the result and checks the gates. */
export async function runCompare(
  before: string,
  after: string,
  options: CompareCommandOptions,
  context: CliContext,
): Promise<void> {
  const gates = await gatesFrom(options, context);
  const report = await compareReports({ before, after, gates, cwd: context.cwd, onNotice: context.note });
  const images = wantsHtml(options) ? await imagesOf(report, options.data, context) : undefined;
  await publishReport(report, options, context, { images });
}

/** The run may have been evaluated on changed images. */
const ADJUSTMENTS: readonly (readonly ImageAdjustment[])[] = [
  [],
  ['transpose'],
  ['invert'],
  IMAGE_ADJUSTMENTS,
];

/** The images of the report, or a notice and none if they are not available. */
async function imagesOf(
  report: Report,
  directory: string | undefined,
  context: CliContext,
): Promise<ImageDataset | undefined> {
  try {
    const { dataset } = await loadSplit(await findMnist(directory, context.cwd), 'test');
    for (const adjust of ADJUSTMENTS) {
      const images = adjustImages(dataset, adjust);
      if (areEvaluatedImages(images, report.evaluation)) return images;
    }
    context.note(
      'the HTML report shows no images: the test set found is a different one; name its folder with --data',
    );
  } catch (error) {
    if (directory !== undefined) throw error;
    context.note('the HTML report shows no images: no IDX files found; name their folder with --data');
  }
  return undefined;
}
