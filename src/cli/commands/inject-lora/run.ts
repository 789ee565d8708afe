import { UsageError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { injectLora, loraSummary } from '../../../lora/index.ts';
import { displayPath, manifestHeader } from '../../../recipes/index.ts';
import { openRun, saveRun } from '../../../runs/index.ts';
import { renderSummary } from '../../adapter-summary.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import { withNewRun } from '../../new-run.ts';
import { loraConfigFrom } from '../../options/adapter.ts';
import type { InjectLoraOptions } from './command.ts';

/** Writes a run with the base's model and a fresh adapter, and prints what the adapter costs. */
export async function injectLoraInto(
  path: string,
  options: InjectLoraOptions,
  context: CliContext,
): Promise<void> {
  if (options.init === 'lora-ga') {
    throw new UsageError(
      'invalid-argument',
      `--init lora-ga: it starts from the gradient on what will be trained; run 'finetune ${path} --init lora-ga'`,
    );
  }
  const tensorflow = await useTensorFlow(options, context);
  const run = await openRun(path, context.cwd);
  if (run.manifest.adapter) {
    throw new UsageError(
      'invalid-argument',
      `${path}: has an adapter already; name its base, or go on with 'finetune ${path}'`,
    );
  }
  await withNewRun(options, 'inject-lora', context, async (writer) => {
    const adapted = injectLora(run.base, loraConfigFrom(options));
    const { contentHash, classNames, normalization } = run.manifest;
    const { rank, alpha, method, seed } = options;
    const folder = await saveRun(writer, {
      manifest: {
        ...manifestHeader('inject-lora', tensorflow),
        status: 'complete',
        options,
        ...{ seed, contentHash, classNames, normalization },
        derivedFrom: { folder: run.folder, contentHash },
        adapter: { method, rank, alpha, strength: 1 },
      },
      base: run.base,
      adapted,
    });
    const summary = loraSummary(adapted);
    const saved = displayPath(folder, context.cwd);
    context.print(options.json ? jsonText({ run: saved, ...summary }) : renderSummary(summary));
    context.note(`saved in ${saved}`);
  });
}
