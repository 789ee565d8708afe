import { resolve } from 'node:path';
import { checkOptions } from '../arguments.ts';
import type { ImageDataset } from '../data/index.ts';
import { CheckpointError, UsageError } from '../errors.ts';
import { checkGates, type Gates, validateGates } from '../gates/index.ts';
import { evaluate } from '../inference/index.ts';
import { setAdapterStrength } from '../lora/index.ts';
import { requireSameExamples } from '../metrics/index.ts';
import { type NamedEvaluation, type Report, readReport } from '../report/index.ts';
import type { Run } from '../runs/index.ts';
import { dataOptionsFor, loadTestSet, testSetName } from './data.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions } from './options.ts';
import { versionsOf } from './save.ts';
import { withRun } from './scope.ts';

/** Options of `evaluateRun`. */
export interface EvaluateRunOptions extends RecipeOptions {
  /** Folder of the run to evaluate. */
  readonly run: string;
  /** Strength of the adapter, 0 (off) to 1. Default: the strength saved in the run. */
  readonly strength?: number;
  /** Folder of a run to compare with; it is evaluated on the same images. */
  readonly compare?: string;
  /** A report to compare with: a report.json, or a run folder that contains one. Ignored if `compare` is set. */
  readonly baseline?: string;
  /** Limits that the results are checked against; see `report.gates`. */
  readonly gates?: Gates;
}

/** Results of a run on the test set. */
export interface RunEvaluation {
  readonly evaluation: NamedEvaluation;
  /** Results of the run or report that it was compared with. */
  readonly baseline?: NamedEvaluation;
  readonly report: Report;
  /** The test images, in the order of `evaluation.predictions`. */
  readonly images: ImageDataset;
}

/**
 * Evaluates a run on the test set, alone or against another run or an earlier report.
 *
 * @throws UsageError if an option or a gate is invalid, or `strength` is set for a run without an adapter
 * @throws DataError if the images cannot be loaded
 * @throws CheckpointError if a run or report cannot be read, or the loss on the test set is not finite
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const { report } = await evaluateRun({ run: 'runs/tuned', gates: { minAccuracy: 0.9 } });
 * console.log(report.gates);
 */
export async function evaluateRun(options: EvaluateRunOptions): Promise<RunEvaluation> {
  checkRecipeOptions(options, {
    run: 'string',
    strength: 'number?',
    compare: 'string?',
    baseline: 'string?',
    gates: 'object?',
  });
  const { run: path, strength, gates = {}, compare, baseline: baselinePath, cwd } = options;
  const tensorflow = await loadRecipeTensorFlow(options);
  return await withRun(path, cwd, async (run) => {
    const { adapter, training, seed, classNames, contentHash } = run.manifest;
    validateGates(gates, { classNames, hasBaseline: compare !== undefined || baselinePath !== undefined });
    if (strength !== undefined) {
      if (!adapter) throw new UsageError('no-adapter', `strength ${strength}: ${path} has no adapter`);
      setAdapterStrength(run.model, strength);
    }
    const { images, source } = await loadTestSet(dataOptionsFor(options, run.manifest));
    const evaluation = { ...evaluateOn(run, images), name: path };
    if (!Number.isFinite(evaluation.loss)) {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${path}: the loss on the test set is not finite (${evaluation.loss}); train the run again`,
      );
    }
    const baseline = await loadBaseline(options, images);
    if (baseline) requireSameExamples(baseline, evaluation, [baseline.name, path]);
    const targetLabels = training?.targetLabels ?? [];
    const report: Report = {
      createdAt: new Date().toISOString(),
      run: {
        command: 'eval',
        folder: path,
        data: testSetName(source, cwd),
        seed,
        ...(adapter && {
          rank: adapter.rank,
          alpha: adapter.alpha,
          method: adapter.method,
          strength: strength ?? adapter.strength,
        }),
        device: tensorflow.device,
        contentHash,
        versions: versionsOf(tensorflow),
      },
      evaluation,
      baseline,
      targetLabels,
      gates: checkGates({ evaluation, baseline, targetLabels }, gates),
    };
    return { evaluation, baseline, report, images };
  });
}

/** Options of `compareReports`. */
export interface CompareReportsOptions {
  /** The report to compare with: a report.json, or a run folder that contains one. */
  readonly before: string;
  /** The report to compare, in the same form. */
  readonly after: string;
  /** Limits that `after` is checked against; see `report.gates`. */
  readonly gates?: Gates;
  /** Folder that relative paths are resolved against. Default: the working directory of the process. */
  readonly cwd?: string;
  /** Called with one line if a report does not have the hash of its images, so that only labels can be compared. */
  readonly onNotice?: (line: string) => void;
}

/**
 * Compares two reports on the same test images. Needs neither the images nor TensorFlow.
 *
 * @throws UsageError if an option or a gate is invalid
 * @throws CheckpointError if a report cannot be read, or the reports are not on the same images
 *
 * @example
 * const report = await compareReports({ before: 'runs/base', after: 'runs/tuned' });
 */
export async function compareReports(options: CompareReportsOptions): Promise<Report> {
  checkOptions(options, {
    before: 'string',
    after: 'string',
    gates: 'object?',
    cwd: 'string?',
    onNotice: 'function?',
  });
  const { before: beforePath, after: afterPath, gates = {}, cwd = process.cwd(), onNotice } = options;
  const before = await readReport(resolve(cwd, beforePath));
  const after = await readReport(resolve(cwd, afterPath));
  const { evaluation, targetLabels } = after;
  validateGates(gates, { classNames: evaluation.classNames, hasBaseline: true });
  requireSameExamples(before.evaluation, evaluation, [beforePath, afterPath]);
  for (const [path, report] of [
    [beforePath, before],
    [afterPath, after],
  ] as const) {
    if (report.evaluation.dataHash === undefined) onNotice?.(withoutHash(path));
  }
  return {
    ...after,
    createdAt: new Date().toISOString(),
    run: { ...after.run, command: 'compare', folder: undefined },
    baseline: { ...before.evaluation, name: beforePath },
    evaluation: { ...evaluation, name: afterPath },
    gates: checkGates({ evaluation, baseline: before.evaluation, targetLabels }, gates),
  };
}

function evaluateOn({ model, manifest }: Run, images: ImageDataset) {
  const { normalization, classNames } = manifest;
  return evaluate(model, images, { normalization, classNames });
}

async function loadBaseline(
  { compare, baseline, cwd = process.cwd(), onNotice }: EvaluateRunOptions,
  images: ImageDataset,
): Promise<NamedEvaluation | undefined> {
  if (compare !== undefined) {
    return await withRun(compare, cwd, async (run) => ({ ...evaluateOn(run, images), name: compare }));
  }
  if (baseline === undefined) return undefined;
  const { evaluation } = await readReport(resolve(cwd, baseline));
  if (evaluation.dataHash === undefined) onNotice?.(withoutHash(baseline));
  return { ...evaluation, name: baseline };
}

function withoutHash(report: string): string {
  return `warning: ${report}: has no hash of the images, so only their labels are compared; evaluate the run again`;
}
