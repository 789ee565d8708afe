import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { type Evaluation, overall, perClass } from '../metrics/index.ts';
import { createEventWriter } from '../tensorboard/index.ts';
import type { TrainingRecipeOptions } from './options.ts';

/**
 * Writes the accuracy on the test set at each step, in total and per class, as TensorBoard events. A failure to write
 * sends a notice.
 */
export async function recordAccuracies(
  { tensorboard, cwd = process.cwd(), onNotice }: TrainingRecipeOptions,
  evaluations: readonly { readonly step: number; readonly evaluation: Evaluation }[],
): Promise<void> {
  if (tensorboard === undefined) return;
  const onFailure = (error: UsageError) =>
    onNotice?.(`warning: ${error.message}; the event files lack the accuracies`);
  try {
    const events = await createEventWriter(resolve(cwd, tensorboard), { onFailure });
    await events.write(evaluations.map(({ step, evaluation }) => ({ step, values: accuracies(evaluation) })));
    await events.close();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    onFailure(error);
  }
}

function accuracies(evaluation: Evaluation): Record<string, number> {
  const values: Record<string, number> = {};
  const total = overall(evaluation).accuracy;
  if (total !== null) values.accuracy = total;
  for (const { className, accuracy } of perClass(evaluation)) {
    if (accuracy !== null) values[`accuracy/${className}`] = accuracy;
  }
  return values;
}
