import {
  displayPath,
  type FinetuneResult,
  type PretrainResult,
  type TrainingRecipeOptions,
} from '../recipes/index.ts';
import type { CliContext } from './context.ts';
import { recipeOptions, saveOptions } from './environment.ts';
import type { ReportOptions } from './options/report.ts';
import type { TrainingOptions } from './options/training.ts';
import { createProgress } from './progress.ts';
import { publishReport, requireReportPlaces } from './publish-report.ts';
import { untilSignal } from './signals.ts';

/** Returns the value of an option to pass to the recipe, or undefined to omit it. */
export type OptionPicker = <Options, Name extends keyof Options>(
  options: Options,
  name: Name,
) => Options[Name] | undefined;

/**
 * Returns an `OptionPicker` that passes all options, or only those that the user set.
 *
 * @param explicitOnly true for a resumed run: it has its own settings, which defaults must not replace
 * @param explicit names of the options that the user set
 */
export function optionPicker(explicitOnly: boolean, explicit: ReadonlySet<string>): OptionPicker {
  return (options, name) => (explicitOnly && !explicit.has(String(name)) ? undefined : options[name]);
}

/**
 * Runs a training recipe: shows progress, stops at a signal, then prints the report and the run's folder.
 *
 * @param label shown in front of the progress
 * @param pick selects the options to pass; see `optionPicker`
 * @throws TrainingError if training failed, and GateError if a gate failed, both after the report is printed
 * @throws Interrupted if a signal stopped training, after the run is saved
 */
export async function runTraining(
  { command, label }: { readonly command: 'pretrain' | 'finetune'; readonly label: string },
  options: TrainingOptions & ReportOptions,
  pick: OptionPicker,
  context: CliContext,
  recipe: (options: TrainingRecipeOptions) => Promise<PretrainResult | FinetuneResult>,
): Promise<void> {
  const { resume, data, tensorboard } = options;
  const save = saveOptions(options, command);
  await requireReportPlaces(options, context);
  const progress = createProgress(context, { label, enabled: options.progress && !options.quiet });
  await untilSignal(async (signal) => {
    signal.addEventListener('abort', () => progress.stop(), { once: true });
    try {
      const common = recipeOptions(options, context);
      const result = await recipe({
        ...common,
        tensorflow: {
          ...common.tensorflow,
          device: pick(options, 'device'),
          tf32: pick(options, 'tf32'),
          deterministic: pick(options, 'deterministic'),
        },
        ...save,
        data,
        engine: pick(options, 'engine'),
        resume,
        tensorboard,
        checkpointEveryMs: context.checkpointEveryMs,
        signal,
        batchSize: pick(options, 'batchSize'),
        seed: pick(options, 'seed'),
        optimizer: {
          rule: pick(options, 'optimizer'),
          learningRate: pick(options, 'lr'),
          schedule: pick(options, 'schedule'),
          warmup: pick(options, 'warmup'),
          lrEvery: pick(options, 'lrEvery'),
          lrFactor: pick(options, 'lrFactor'),
          clipNorm: pick(options, 'clipNorm'),
        },
        onProgress: (training) => {
          progress.update(training);
          context.onTrainingProgress?.(training);
        },
      });
      progress.stop();
      await publishResult(result, options, context);
      result.dispose();
    } finally {
      progress.stop();
    }
  });
}

async function publishResult(
  { report, images, folder, failure }: PretrainResult | FinetuneResult,
  options: ReportOptions,
  context: CliContext,
): Promise<void> {
  const run = folder && displayPath(folder, context.cwd);
  await publishReport({ ...report, run: { ...report.run, folder: run } }, options, context, {
    images,
    failure,
    onPublished: () => context.note(`saved in ${run}`),
  });
}
