import { jsonText } from '../../../files/index.ts';
import { displayPath, mergeRun } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions, saveOptions } from '../../environment.ts';
import type { NewRunOptions } from '../../options/shared.ts';

/** Options of `merge`. */
export type MergeCommandOptions = NewRunOptions & { readonly strength?: number };

/** Merges the adapter of a run into a new run, and prints where it is. */
export async function runMerge(
  run: string,
  options: MergeCommandOptions,
  context: CliContext,
): Promise<void> {
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
