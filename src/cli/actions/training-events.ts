import { resolve } from 'node:path';
import { type Evaluation, overall, perClass } from '../../metrics/index.ts';
import { createEventWriter, type EventWriter } from '../../tensorboard/index.ts';
import type { CliContext } from '../context.ts';

interface EventOptions {
  /** Folder of the event files; nothing is written without it. */
  readonly tensorboard?: string;
}

/** Starts the event file of `--tensorboard`, if asked for; a disk that fills up later costs no training. */
export async function startEvents(
  { tensorboard }: EventOptions,
  context: CliContext,
  resumedAt?: number,
): Promise<EventWriter | undefined> {
  if (!tensorboard) return undefined;
  return await createEventWriter(resolve(context.cwd, tensorboard), {
    resumedAt,
    onFailure: (error) => context.note(`note: ${error.message}; training goes on without event files`),
  });
}

/** Writes the accuracy on the test set, in total and of each class, as it was after so many steps. */
export async function recordAccuracies(
  options: EventOptions,
  context: CliContext,
  evaluations: readonly { readonly step: number; readonly evaluation: Evaluation }[],
): Promise<void> {
  const events = await startEvents(options, context);
  await events?.write(
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
  await events?.close();
}
