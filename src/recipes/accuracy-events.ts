import { resolve } from 'node:path';
import { type Evaluation, overall, perClass } from '../metrics/index.ts';
import { createEventWriter } from '../tensorboard/index.ts';
import type { TrainingRecipeOptions } from './options.ts';

/** Writes the accuracy on the test set at each step, in total and per class, as TensorBoard events. */
export async function recordAccuracies(
  { tensorboard, cwd = process.cwd(), onNotice }: TrainingRecipeOptions,
  evaluations: readonly { readonly step: number; readonly evaluation: Evaluation }[],
): Promise<void> {
  if (tensorboard === undefined) return;
  const events = await createEventWriter(resolve(cwd, tensorboard), {
    onFailure: (error) => onNotice?.(`note: ${error.message}; the event files lack the accuracies`),
  });
  await events.write(
    evaluations.map(({ step, evaluation }) => ({
      step,
      values: Object.fromEntries(
        [{ className: '', ...overall(evaluation) }, ...perClass(evaluation)].flatMap(
          ({ className, accuracy }) =>
            accuracy === null ? [] : [[className === '' ? 'accuracy' : `accuracy/${className}`, accuracy]],
        ),
      ),
    })),
  );
  await events.close();
}
