import { contentHash } from '../../../content-hash.ts';
import { CheckpointError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { mergeLora, setAdapterStrength } from '../../../lora/index.ts';
import { displayPath, manifestHeader } from '../../../recipes/index.ts';
import { openRun, saveRun } from '../../../runs/index.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import { withNewRun } from '../../new-run.ts';
import type { MergeOptions } from './command.ts';

/** Writes a run whose model has the adapter folded in. */
export async function merge(path: string, options: MergeOptions, context: CliContext): Promise<void> {
  const tensorflow = await useTensorFlow(options, context);
  const { model, manifest, folder } = await openRun(path, context.cwd);
  const { adapter } = manifest;
  if (!adapter) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: has no adapter to merge: it is a base, or was merged already`,
    );
  }
  await withNewRun(options, 'merge', context, async (writer) => {
    if (options.strength !== undefined) setAdapterStrength(model, options.strength);
    const merged = mergeLora(model);
    const hash = contentHash(merged);
    const { seed, classNames, normalization } = manifest;
    const target = await saveRun(writer, {
      manifest: {
        ...manifestHeader('merge', tensorflow),
        status: 'complete',
        options,
        ...{ seed, classNames, normalization },
        contentHash: hash,
        derivedFrom: { folder, contentHash: manifest.contentHash },
      },
      base: merged,
    });
    const saved = displayPath(target, context.cwd);
    const strength = options.strength ?? adapter.strength;
    context.print(
      options.json
        ? jsonText({ run: saved, contentHash: hash, strength })
        : `merged ${path} at strength ${strength} into a plain model of content ${hash.slice(0, 12)}`,
    );
    context.note(`saved in ${saved}`);
  });
}
