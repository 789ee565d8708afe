import { resolve } from 'node:path';
import type { ImageAdjustment } from '../../../data/index.ts';
import { writeMistakes } from '../../../pictures/index.ts';
import { evaluateRun } from '../../../recipes/index.ts';
import { formatCount } from '../../../text/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import { type GateOptions, gatesFrom } from '../../options/gates.ts';
import type { ReportOptions } from '../../options/report.ts';
import type { Device } from '../../options/shared.ts';
import { failureOf, publishReport } from '../../publish-report.ts';

/** Options of the command `eval`, parsed. */
export type EvalCommandOptions = ReportOptions &
  GateOptions & {
    readonly strength?: number;
    readonly compare?: string;
    readonly baseline?: string;
    readonly mistakes?: string;
    readonly data?: string;
    readonly adjust?: readonly ImageAdjustment[];
    readonly device: Device;
  };

/**
 * Evaluates a run on the test set, writes misclassified images with `--mistakes`, prints the report and checks the gates.
 *
 * @throws AppError if the run cannot be evaluated, a file cannot be written or a gate is not met
 */
export async function runEval(run: string, options: EvalCommandOptions, context: CliContext): Promise<void> {
  const { strength, compare, baseline, data, mistakes } = options;
  const { evaluation, report, images } = await evaluateRun({
    ...recipeOptions(options, context),
    run,
    strength,
    compare,
    baseline,
    data,
    gates: await gatesFrom(options, context),
  });
  // The report is printed even if the images cannot be written; publishReport throws the failure at the end.
  const fileFailure = await failureOf(async () => {
    if (mistakes === undefined) return;
    const count = await writeMistakes(evaluation, images, resolve(context.cwd, mistakes));
    context.note(`wrote ${formatCount(count)} misclassified images to ${mistakes}`);
  });
  await publishReport(report, options, context, { images, fileFailure });
}
