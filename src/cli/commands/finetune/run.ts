import { resolve } from 'node:path';
import { UsageError } from '../../../errors.ts';
import type { LoraConfig } from '../../../lora/index.ts';
import { type FinetuneOptions, finetune } from '../../../recipes/index.ts';
import { readManifest } from '../../../runs/index.ts';
import { renderSummary } from '../../adapter-summary.ts';
import type { CliContext } from '../../context.ts';
import type { AdapterOptions } from '../../options/adapter.ts';
import { type GateOptions, gatesFrom } from '../../options/gates.ts';
import type { ReportOptions } from '../../options/report.ts';
import type { TrainingOptions } from '../../options/training.ts';
import { flagOf } from '../../settings/options.ts';
import { type OptionPicker, optionPicker, runTraining } from '../../training.ts';

/** Options of `finetune`. */
export type FinetuneCommandOptions = TrainingOptions &
  AdapterOptions &
  ReportOptions &
  GateOptions & {
    readonly digits?: readonly number[];
    readonly steps: number;
    readonly replay: number;
    /** In points of accuracy. */
    readonly maxDrop?: number;
    readonly checkEvery: number;
    readonly patience?: number;
    readonly validation: number;
    readonly searchStrength?: boolean;
  };

/**
 * Fine-tunes a run and prints the report.
 *
 * @param explicit names of the options that were set, not left at their default
 */
export async function runFinetune(
  run: string,
  options: FinetuneCommandOptions,
  explicit: ReadonlySet<string>,
  context: CliContext,
): Promise<void> {
  const resume = options.resume === true;
  if (!resume) requireGuard(options, explicit);
  const gates = await gatesFrom(options, context);
  const pick = optionPicker(resume, explicit);
  // An existing adapter has its own settings, like a resumed run.
  const isAdapted = !resume && (await readManifest(resolve(context.cwd, run))).adapter !== undefined;
  const pickLora = optionPicker(resume || isAdapted, explicit);
  await runTraining({ command: 'finetune', label: 'fine-tuning' }, options, pick, context, (training) =>
    finetune({
      ...training,
      run,
      targetLabels: pick(options, 'digits'),
      lora: loraConfig(options, pickLora),
      steps: pick(options, 'steps'),
      replay: pick(options, 'replay'),
      guard: guardOptions(options, pick),
      searchStrength: pick(options, 'searchStrength'),
      validation: explicit.has('validation') ? options.validation : undefined,
      gates,
      onAdapted: (summary) => context.note(renderSummary(summary)),
    }),
  );
}

/** Rejects options of the guard without a guard. */
function requireGuard(
  { maxDrop, searchStrength }: FinetuneCommandOptions,
  explicit: ReadonlySet<string>,
): void {
  if (maxDrop !== undefined) return;
  const unused = ['checkEvery', 'patience'].find((name) => explicit.has(name));
  if (unused) {
    throw new UsageError(
      'invalid-argument',
      `${flagOf(unused)}: has no effect without a guard; add --max-drop`,
    );
  }
  if (explicit.has('validation') && !searchStrength) {
    throw new UsageError(
      'invalid-argument',
      '--validation: nothing uses the validation images; add --max-drop or --search-strength',
    );
  }
}

function loraConfig(options: AdapterOptions, pick: OptionPicker): LoraConfig {
  return {
    rank: pick(options, 'rank'),
    alpha: pick(options, 'alpha'),
    targets: pick(options, 'targets'),
    targetWeights: pick(options, 'targetWeights'),
    exclude: pick(options, 'exclude'),
    method: pick(options, 'method'),
    bias: pick(options, 'bias'),
    init: pick(options, 'init'),
    rslora: pick(options, 'rslora'),
    dora: pick(options, 'dora'),
    dropout: pick(options, 'dropout'),
    rankPattern: pick(options, 'rankPattern'),
    alphaPattern: pick(options, 'alphaPattern'),
    modulesToSave: pick(options, 'modulesToSave'),
  };
}

function guardOptions(options: FinetuneCommandOptions, pick: OptionPicker): FinetuneOptions['guard'] {
  const { maxDrop } = options;
  const checkEvery = pick(options, 'checkEvery');
  const patience = pick(options, 'patience');
  if (maxDrop !== undefined) return { maxDrop: maxDrop / 100, checkEvery, patience };
  // A resumed run has its own budget.
  return options.resume && (checkEvery ?? patience) !== undefined
    ? ({ checkEvery, patience } as FinetuneOptions['guard'])
    : undefined;
}
