import type { ImageAdjustment } from '../../../data/index.ts';
import { jsonText } from '../../../files/index.ts';
import { inspectRun, inspectStep } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import type { Device } from '../../options/shared.ts';
import { renderAdapters, renderLayers, renderProgram, renderTargets } from './render.ts';

/** Options of `inspect`. */
export interface InspectCommandOptions {
  readonly program?: boolean;
  readonly batchSize: number;
  readonly data?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly device: Device;
  readonly json?: boolean;
}

/** Prints the layers and adapters of a run with warnings, or with `program` the ops of a training step. */
export async function runInspect(
  run: string,
  options: InspectCommandOptions,
  context: CliContext,
): Promise<void> {
  const { program, batchSize, data, json } = options;
  const common = { ...recipeOptions(options, context), run, data };
  if (program) {
    const rows = await inspectStep({ ...common, batchSize });
    const document = { format: 'tfjs-lora program', formatVersion: 1, batchSize, rows };
    context.print(json ? jsonText(document) : renderProgram(rows));
    return;
  }
  const inspection = await inspectRun(common);
  if (json) {
    context.print(jsonText({ format: 'tfjs-lora inspection', formatVersion: 1, run, ...inspection }));
    return;
  }
  const { model, targets, adapters, totals, warnings } = inspection;
  if (adapters && totals) context.print(renderAdapters(adapters, totals));
  else context.print(`${renderLayers(model)}\n\n${renderTargets(targets)}`);
  for (const warning of warnings) context.print(`warning: ${warning}`);
}
