import { jsonText } from '../../../files/index.ts';
import { inspectAdapterFiles, inspectBaseModel } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import { renderAdapters, renderTargets } from './render.ts';
import type { InspectCommandOptions } from './run.ts';

/**
 * Prints the adapter of a folder on its base with warnings, or without a folder the layers or nodes of the base that can be
 * adapted.
 */
export async function runInspectAdapter(
  adapter: string | undefined,
  options: InspectCommandOptions & { readonly baseModel: string },
  context: CliContext,
): Promise<void> {
  const { baseModel, json } = options;
  const common = { ...recipeOptions(options, context), baseModel };
  const document = { format: 'tfjs-lora inspection', formatVersion: 1, baseModel };
  if (adapter === undefined) {
    const targets = await inspectBaseModel(common);
    context.print(json ? jsonText({ ...document, targets }) : renderTargets(targets));
    return;
  }
  const inspection = await inspectAdapterFiles({ ...common, adapter });
  if (json) {
    context.print(jsonText({ ...document, adapter, ...inspection }));
    return;
  }
  context.print(renderAdapters(inspection.adapters, inspection.totals));
  for (const warning of inspection.warnings) context.print(`warning: ${warning}`);
}
