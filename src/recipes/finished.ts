import { resolve } from 'node:path';
import type { ImageDataset } from '../data/index.ts';
import { CheckpointError, UsageError } from '../errors.ts';
import { areEvaluatedImages, type Report, readReport } from '../report/index.ts';
import { openRun, type Run } from '../runs/index.ts';
import { dataOptionsFor, loadTestSet } from './data.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import type { TrainingRecipeOptions } from './options.ts';
import type { Scope } from './scope.ts';

/** A complete run with its report, and the images that it was evaluated on. */
export interface FinishedRun {
  readonly run: Run;
  readonly report: Report;
  readonly images: ImageDataset;
}

/**
 * Opens the complete run in `out`, for a process that ended before it could report it.
 *
 * @throws CheckpointError if the run or its report is damaged
 * @throws UsageError if the test set is not the one that the run was evaluated on
 */
export async function openFinished(options: TrainingRecipeOptions, scope: Scope): Promise<FinishedRun> {
  const { out, cwd = process.cwd() } = options;
  const folder = resolve(cwd, out!);
  await loadRecipeTensorFlow(options);
  const report = await readReport(folder);
  if (!report.training) {
    throw new CheckpointError('invalid-checkpoint', `${folder}/report.json: has no training; it is damaged`);
  }
  const run = await openRun(folder);
  scope.result(run.base);
  if (run.model !== run.base) scope.result(run.model);
  const { images } = await loadTestSet(dataOptionsFor(options, run.manifest));
  if (areEvaluatedImages(images, report.evaluation)) return { run, report, images };
  throw new UsageError(
    'resume-conflict',
    `${out}: the run was evaluated on other images; choose the same data`,
  );
}
