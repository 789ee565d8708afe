import { UsageError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { displayPath, mergeAdapterFiles, mergeRun } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions, saveOptions } from '../../environment.ts';
import type { NewRunOptions } from '../../options/shared.ts';

/** Options of `merge`. */
export type MergeCommandOptions = NewRunOptions & { readonly baseModel?: string; readonly strength?: number };

/** Merges the adapter of a run into a new run, or with `baseModel` an adapter into a new model, and prints where it is. */
export async function runMerge(
  run: string,
  options: MergeCommandOptions,
  context: CliContext,
): Promise<void> {
  if (options.baseModel !== undefined) {
    await mergeFiles(run, { ...options, baseModel: options.baseModel }, context);
    return;
  }
  const { folder, manifest, dispose } = await mergeRun({
    ...recipeOptions(options, context),
    ...saveOptions(options, 'merge'),
    run,
    strength: options.strength,
  });
  dispose();
  const saved = displayPath(folder!, context.cwd);
  const { contentHash } = manifest;
  const { strength } = manifest.options;
  context.print(
    options.json
      ? jsonText({ run: saved, contentHash, strength })
      : `merged ${run} at strength ${strength} into a plain model with content hash ${contentHash.slice(0, 12)}`,
  );
  context.note(`saved in ${saved}`);
}

async function mergeFiles(
  adapter: string,
  options: MergeCommandOptions & { readonly baseModel: string },
  context: CliContext,
): Promise<void> {
  const { baseModel, out, overwrite, strength = 1, json } = options;
  if (out === undefined)
    throw new UsageError(
      'invalid-argument',
      '--base-model: needs the folder of the merged model; set it with --out',
    );
  const common = recipeOptions(options, context);
  const contentHash = await mergeAdapterFiles({ ...common, adapter, baseModel, out, overwrite, strength });
  context.print(
    json
      ? jsonText({ model: out, contentHash, strength })
      : `merged ${adapter} at strength ${strength} into a plain model with content hash ${contentHash.slice(0, 12)}`,
  );
  context.note(`saved in ${out}`);
}
