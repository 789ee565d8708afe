import type { Head } from '../../../models/index.ts';
import { pretrain } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import type { ReportOptions } from '../../options/report.ts';
import type { TrainingOptions } from '../../options/training.ts';
import { optionPicker, runTraining } from '../../training.ts';

/** Options of `pretrain`. */
export type PretrainCommandOptions = TrainingOptions &
  ReportOptions & {
    readonly epochs: number;
    readonly steps?: number;
    readonly head: Head;
  };

/**
 * Trains DigitsNet and prints the report.
 *
 * @param explicit names of the options that were set, not left at their default
 */
export async function runPretrain(
  options: PretrainCommandOptions,
  explicit: ReadonlySet<string>,
  context: CliContext,
): Promise<void> {
  const pick = optionPicker(options.resume === true, explicit);
  await runTraining({ command: 'pretrain', label: 'pretraining' }, options, pick, context, (training) =>
    pretrain({
      ...training,
      epochs: options.steps === undefined ? pick(options, 'epochs') : undefined,
      steps: pick(options, 'steps'),
      head: pick(options, 'head'),
    }),
  );
}
