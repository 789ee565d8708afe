import * as tf from '@tensorflow/tfjs';
import { type ProgramRow, programTable } from '../graph/index.ts';
import { type LoraSummary, type LoraTarget, loraSummary, loraTargets } from '../lora/index.ts';
import { type ModelSummary, modelSummary } from '../models/index.ts';
import { classificationTask, recordStep } from '../training/index.ts';
import {
  adapterWarnings,
  type DeadUnits,
  deadUnits,
  deadUnitWarnings,
  inspectAdapters,
  type LayerInspection,
} from '../verification/index.ts';
import { dataOptionsFor, loadTestSet } from './data.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions } from './options.ts';
import { sampleInputs } from './sample-inputs.ts';
import { withRun } from './scope.ts';

/** Test images on which units are checked for being dead. */
const EXAMPLES = 10_000;

/** Options of `inspectRun`. */
export interface InspectRunOptions extends RecipeOptions {
  /** The run's folder. */
  readonly run: string;
}

/** What `inspectRun` finds. */
export interface RunInspection {
  /** The layers of the plain model. */
  readonly model: ModelSummary;
  /** The layers of the plain model that can be adapted. */
  readonly targets: readonly LoraTarget[];
  /** Parameters of the adapters; absent if the run has none, like `adapters`. */
  readonly totals?: LoraSummary;
  /** The settings and effect of each adapter on each layer. */
  readonly adapters?: readonly LayerInspection[];
  /** ReLU units that output 0 for every test image; empty if no test images fit the model. */
  readonly dead: readonly DeadUnits[];
  /** Likely problems, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Describes the layers and adapters of a run, and lists likely problems.
 *
 * @throws UsageError if an option is invalid
 * @throws DataError if `data` is set and cannot be loaded
 * @throws CheckpointError if the run cannot be read
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const { warnings } = await inspectRun({ run: 'runs/tuned' });
 */
export async function inspectRun(options: InspectRunOptions): Promise<RunInspection> {
  checkRecipeOptions(options, { run: 'string' });
  await loadRecipeTensorFlow(options);
  return await withRun(options.run, options.cwd, async (run) => {
    const { base, model, manifest } = run;
    const { inputs, count, areImages } = await sampleInputs(run, options, EXAMPLES);
    const dead = areImages ? deadUnits(model, inputs) : [];
    tf.dispose([...inputs]);
    const adapters = manifest.adapter && inspectAdapters(model);
    return {
      model: modelSummary(base),
      targets: loraTargets(base),
      totals: adapters && loraSummary(model),
      adapters,
      dead,
      warnings: [
        ...adapterWarnings(adapters ?? []),
        ...deadUnitWarnings(dead, { examples: count, classNames: manifest.classNames }),
      ],
    };
  });
}

/** Options of `inspectStep`. */
export interface InspectStepOptions extends InspectRunOptions {
  /** Examples in the step. Default 10. */
  readonly batchSize?: number;
}

/**
 * Records one training step of a run with Adam, and lists its ops in the order in which they run.
 *
 * @throws UsageError if an option is invalid
 * @throws DataError if the images cannot be loaded, or have another size than the model's
 * @throws CheckpointError if the run cannot be read
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * console.table(await inspectStep({ run: 'runs/tuned' }));
 */
export async function inspectStep(options: InspectStepOptions): Promise<ProgramRow[]> {
  checkRecipeOptions(options, { run: 'string', batchSize: 'number?' });
  await loadRecipeTensorFlow(options);
  return await withRun(options.run, options.cwd, async ({ model, manifest }) => {
    const { images } = await loadTestSet(dataOptionsFor({ ...options, onNotice: undefined }, manifest));
    const task = classificationTask({
      model,
      dataset: images,
      normalization: manifest.normalization,
      batchSize: options.batchSize ?? 10,
      optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
      seed: manifest.seed,
    });
    const { program, variableNames } = recordStep(task);
    const variables = program.variables.map((variable, index) => ({
      ...variable,
      name: variableNames[index]!,
    }));
    return programTable({ ...program, variables });
  });
}
