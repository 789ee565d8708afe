import { resolve } from 'node:path';
import { CheckpointError, UsageError } from '../../errors.ts';
import { checkGates, requireGates, validateGates } from '../../gates/index.ts';
import { evaluate } from '../../inference/index.ts';
import { setAdapterStrength } from '../../lora/index.ts';
import { findMnist, type ImageDataset, loadSplit } from '../../mnist-data-loader/index.ts';
import { writeMistakes } from '../../pictures/index.ts';
import { type NamedEvaluation, type Report, readReport } from '../../report/index.ts';
import { openRun, type Run } from '../../runs/index.ts';
import { formatCount } from '../../text/index.ts';
import type { EvalOptions } from '../commands/eval.ts';
import type { CliContext } from '../context.ts';
import { noteUnpublished, testSetName, useTensorFlow, versionsOf } from '../environment.ts';
import { gatesFrom } from '../options/gates.ts';
import { publishReport } from './publish-report.ts';

/** Evaluates a run, compares it with another where one is named, and checks the gates. */
export async function evaluateRun(path: string, options: EvalOptions, context: CliContext): Promise<void> {
  const tensorflow = await useTensorFlow(options, context);
  const run = await openRun(path, context.cwd);
  const { adapter, training, seed, classNames, contentHash } = run.manifest;
  const gates = await gatesFrom(options, context);
  const compared = options.compare !== undefined || options.baseline !== undefined;
  validateGates(gates, { classNames, compared });
  if (options.strength !== undefined) {
    if (!adapter)
      throw new UsageError(
        'invalid-argument',
        `--strength ${options.strength}: ${path} has no adapter; leave it out`,
      );
    setAdapterStrength(run.model, options.strength);
  }
  const found = await findMnist(options.data, context.cwd);
  const { dataset: test, published } = await loadSplit(found, 'test');
  const source = { published, directory: found.directory };
  noteUnpublished(source, context);
  const evaluation = evaluateOn(run, test);
  if (!Number.isFinite(evaluation.loss)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: the loss is ${evaluation.loss}; its weights are beyond use`,
    );
  }
  const baseline = await baselineOf(options, test, context);
  const targetLabels = training?.targetLabels ?? [];
  const report: Report = {
    createdAt: new Date().toISOString(),
    run: {
      command: 'eval',
      folder: path,
      data: testSetName(source, context.cwd),
      seed,
      ...(adapter && { rank: adapter.rank, alpha: adapter.alpha, method: adapter.method }),
      ...(adapter && { strength: options.strength ?? adapter.strength }),
      device: tensorflow.device,
      contentHash,
      versions: versionsOf(tensorflow),
    },
    evaluation: { ...evaluation, name: path },
    baseline,
    targetLabels,
    gates: checkGates({ evaluation, baseline, targetLabels }, gates),
  };
  if (options.mistakes !== undefined) {
    const images = await writeMistakes(evaluation, test, resolve(context.cwd, options.mistakes));
    context.note(`wrote ${formatCount(images)} misread images to ${options.mistakes}`);
  }
  await publishReport(report, options, context, { images: test });
  requireGates(report.gates ?? []);
}

function evaluateOn({ model, manifest }: Run, test: ImageDataset) {
  return evaluate(model, test, { normalization: manifest.normalization, classNames: manifest.classNames });
}

async function baselineOf(
  { compare, baseline }: EvalOptions,
  test: ImageDataset,
  context: CliContext,
): Promise<NamedEvaluation | undefined> {
  if (compare !== undefined)
    return { ...evaluateOn(await openRun(compare, context.cwd), test), name: compare };
  if (baseline === undefined) return undefined;
  const { evaluation } = await readReport(resolve(context.cwd, baseline));
  return { ...evaluation, name: baseline };
}
