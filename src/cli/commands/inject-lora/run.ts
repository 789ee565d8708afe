import { UsageError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { loraSummary } from '../../../lora/index.ts';
import { adaptRun, displayPath } from '../../../recipes/index.ts';
import { renderSummary } from '../../adapter-summary.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions, saveOptions } from '../../environment.ts';
import { type AdapterOptions, loraConfigFrom } from '../../options/adapter.ts';
import type { NewRunOptions } from '../../options/shared.ts';

/** Options of `inject-lora`. */
export type InjectLoraCommandOptions = AdapterOptions & NewRunOptions & { readonly seed: number };

/** Makes a run with a new adapter, and prints how many parameters it trains. */
export async function runInjectLora(
  run: string,
  options: InjectLoraCommandOptions,
  context: CliContext,
): Promise<void> {
  const { init } = options;
  if (init === 'lora-ga' || init === 'eva')
    throw new UsageError(
      'invalid-argument',
      `--init ${init}: needs training data; use 'finetune ${run} --init ${init}' instead`,
    );
  const { folder, model, dispose } = await adaptRun({
    ...recipeOptions(options, context),
    ...saveOptions(options, 'inject-lora'),
    run,
    lora: loraConfigFrom(options),
  });
  const summary = loraSummary(model);
  dispose();
  const saved = displayPath(folder!, context.cwd);
  context.print(options.json ? jsonText({ run: saved, ...summary }) : renderSummary(summary));
  context.note(`saved in ${saved}`);
}
