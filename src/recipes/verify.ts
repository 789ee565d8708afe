import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { loadModel, openRun, type RunManifest } from '../runs/index.ts';
import { type Check, compareHashes, verify } from '../verification/index.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions } from './options.ts';
import { sampleInputs } from './sample-inputs.ts';
import { withScope } from './scope.ts';

/** Examples of the test set on which outputs are compared. */
const EXAMPLES = 1000;

/** Options of `verifyRun`. */
export interface VerifyRunOptions extends RecipeOptions {
  /** The run's folder. */
  readonly run: string;
}

/**
 * Checks on the files of a run what this library guarantees: see `verify`. For a run that was made from another one, also
 * whether that one still has the same base. Yields each result as soon as it is known.
 *
 * @throws UsageError if an option is invalid
 * @throws DataError if `data` is set and cannot be loaded
 * @throws CheckpointError if the run cannot be read
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * for await (const { claim, outcome } of verifyRun({ run: 'runs/tuned' })) console.log(`${outcome}: ${claim}`);
 */
export async function* verifyRun(options: VerifyRunOptions): AsyncGenerator<Check> {
  checkRecipeOptions(options, { run: 'string' });
  await loadRecipeTensorFlow(options);
  const run = await openRun(options.run, options.cwd);
  const { inputs } = await sampleInputs(run, options, EXAMPLES);
  try {
    yield* verify({ ...run, inputs, baseHash: run.manifest.contentHash });
    const origin = await originCheck(run.manifest);
    if (origin) yield origin;
  } finally {
    tf.dispose([...inputs]);
    run.model.dispose();
    if (run.base !== run.model) run.base.dispose();
  }
}

/** Whether the run that this one was made from still has the same base. */
async function originCheck({ derivedFrom, command }: RunManifest): Promise<Check | undefined> {
  if (!derivedFrom || command === 'merge') return undefined;
  const name = 'origin-unchanged';
  const claim = 'the run that the base was taken from still has the same content';
  const model = join(derivedFrom.folder, 'model');
  if (!existsSync(join(model, 'model.json'))) {
    return { name, claim, outcome: 'skipped', detail: `${derivedFrom.folder} does not exist any more` };
  }
  return await withScope(async (scope) => {
    const base = scope.temporary(await loadModel(model));
    return compareHashes({ name, claim }, contentHash(base), derivedFrom.contentHash);
  });
}
