import { CheckpointError } from '../../errors.ts';
import { mergeLora, setAdapterStrength } from '../../lora/index.ts';
import { contentHash } from '../../models/index.ts';
import { openRun, RUN_FORMAT_VERSION, saveRun } from '../../runs/index.ts';
import type { MergeOptions } from '../commands/merge.ts';
import type { CliContext } from '../context.ts';
import { writerFor } from './resume.ts';
import { shown, useTensorFlow, versionsOf } from './session.ts';

/** Writes a run whose model has the adapter folded in. */
export async function merge(path: string, options: MergeOptions, context: CliContext): Promise<void> {
  const tensorflow = await useTensorFlow(options, context);
  const { model, manifest, folder } = await openRun(path, context.cwd);
  if (!manifest.adapter) {
    throw new CheckpointError(`${path}: has no adapter to merge: it is a base, or was merged already`);
  }
  const writer = await writerFor(options, 'merge', context);
  try {
    if (options.strength !== undefined) setAdapterStrength(model, options.strength);
    const merged = mergeLora(model);
    const hash = contentHash(merged);
    const { seed, classNames, normalization } = manifest;
    const target = await saveRun(writer, {
      manifest: {
        format: 'tfjs-lora run',
        formatVersion: RUN_FORMAT_VERSION,
        command: 'merge',
        status: 'complete',
        createdAt: new Date().toISOString(),
        options: { ...options },
        ...{ seed, classNames, normalization },
        versions: versionsOf(tensorflow),
        contentHash: hash,
        derivedFrom: { folder, contentHash: manifest.contentHash },
      },
      base: merged,
    });
    const saved = shown(target, context.cwd);
    const strength = options.strength ?? manifest.adapter.strength;
    context.print(
      options.json
        ? JSON.stringify({ run: saved, contentHash: hash, strength }, null, 2)
        : `merged ${path} at strength ${strength} into a plain model of content ${hash.slice(0, 12)}`,
    );
    context.note(`saved in ${saved}`);
  } finally {
    await writer.discard();
  }
}
