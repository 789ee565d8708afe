import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { programTable } from '../../../graph/index.ts';
import { loraSummary } from '../../../lora/index.ts';
import { findMnist, loadSplit } from '../../../mnist-data-loader/index.ts';
import { modelSummary } from '../../../models/index.ts';
import { openRun, type Run } from '../../../runs/index.ts';
import { formatCount } from '../../../text/index.ts';
import { classificationTask, recordStep } from '../../../training/index.ts';
import { adapterWarnings, type DeadUnits, deadUnits, inspectAdapters } from '../../../verification/index.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import { sampleInputs } from '../../sample-inputs.ts';
import type { InspectOptions } from './command.ts';
import { renderAdapters, renderLayers, renderProgram } from './render.ts';

/** Examples that a unit has to be silent on to be called dead. */
const EXAMPLES = 10_000;

/** Prints a run's layers, its adapters' effect and what a user should act on. */
export async function inspectRun(
  path: string | undefined,
  options: InspectOptions,
  context: CliContext,
): Promise<void> {
  if (path === undefined)
    throw new UsageError('invalid-argument', 'name a run, or a shape as in --shape 300x200 --rank 4');
  await useTensorFlow(options, context);
  const run = await openRun(path, context.cwd);
  if (options.program) return await inspectProgram(run, options, context);
  const summary = modelSummary(run.base);
  const adapters = run.manifest.adapter ? inspectAdapters(run.model) : undefined;
  const { inputs, count: examples, real } = await sampleInputs(run, options, EXAMPLES, context);
  const dead = real ? deadUnits(run.model, inputs) : [];
  tf.dispose([...inputs]);
  const warnings = [
    ...adapterWarnings(adapters ?? []),
    ...dead.map((units) => deadWarning(units, examples, run.manifest.classNames)),
  ];
  if (options.json) {
    const document = { format: 'tfjs-lora inspection', formatVersion: 1, run: path };
    const totals = adapters && loraSummary(run.model);
    context.print(jsonText({ ...document, model: summary, totals, adapters, dead, warnings }));
    return;
  }
  context.print(adapters ? renderAdapters(adapters, loraSummary(run.model)) : renderLayers(summary));
  for (const warning of warnings) context.print(`warning: ${warning}`);
}

async function inspectProgram(
  { model, manifest }: Run,
  { data, batchSize, json }: InspectOptions,
  context: CliContext,
): Promise<void> {
  const { dataset } = await loadSplit(await findMnist(data, context.cwd), 'test');
  const task = classificationTask({
    model,
    dataset,
    normalization: manifest.normalization,
    batchSize,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: manifest.seed,
  });
  const { program, variableNames } = recordStep(task);
  const variables = program.variables.map((variable, index) => ({
    ...variable,
    name: variableNames[index]!,
  }));
  const rows = programTable({ ...program, variables });
  const document = { format: 'tfjs-lora program', formatVersion: 1, batchSize, rows };
  context.print(json ? jsonText(document) : renderProgram(rows));
}

function deadWarning(
  { path, units, dead, isOutput }: DeadUnits,
  examples: number,
  classNames: readonly string[],
): string {
  const names =
    isOutput && classNames.length === units ? dead.map((unit) => classNames[unit]!) : dead.map(String);
  const listed = names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
  const what = isOutput && classNames.length === units ? 'outputs' : 'units';
  return `${dead.length} of ${units} ${what} of '${path}' never fire on ${formatCount(examples)} test images, so they learn nothing: ${listed}`;
}
