import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { MAX_CLASSES, requireLabels } from '../data/index.ts';
import { CheckpointError } from '../errors.ts';
import { imageShape, type Normalization, requireLogits } from '../models/index.ts';
import { loadLayersModel, saveRun } from '../runs/index.ts';
import { asLogits } from './as-logits.ts';
import { loadTestSet } from './data.ts';
import { type NewRun, newRun } from './derive.ts';
import { importedManifest } from './import.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions, SAVE, type SaveOptions } from './options.ts';
import { withRunWriter } from './save.ts';
import { withScope } from './scope.ts';

/** Options of `importModel`. */
export interface ImportModelOptions extends RecipeOptions, SaveOptions {
  /** The model.json of a LayersModel, of tfjs or converted from Keras 2 or 3; the weight files are next to it. */
  readonly model: string;
  /**
   * How the model's inputs were normalized. Default: pixels / 255 (mean 0, standard deviation 1), or pixels from 0 to 255
   * if the model starts with a Rescaling layer.
   */
  readonly normalization?: Partial<Normalization>;
  /** Images that the model must fit: their test set is checked against its input shape and classes. Default: no check. */
  readonly data?: RecipeOptions['data'];
}

/**
 * Makes a run from a LayersModel that classifies grayscale images. A softmax at its end is removed, because losses and
 * reports take logits and apply the softmax themselves: the probabilities stay the same.
 *
 * @throws UsageError if an option is invalid, or the folder is taken
 * @throws DataError if the model does not fit `data`
 * @throws CheckpointError if the model cannot be read or is not a classifier of grayscale images, or the run cannot be
 *   written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const run = await importModel({ model: 'keras/model.json', out: 'runs/imported' });
 */
export async function importModel(options: ImportModelOptions): Promise<NewRun> {
  checkRecipeOptions(options, { ...SAVE, model: 'string', normalization: 'object?' });
  const { model: path, overwrite, cwd = process.cwd(), onNotice } = options;
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      const tensorflow = await loadRecipeTensorFlow(options);
      const base = scope.result(asLogits(await loadLayersModel(resolve(cwd, path)), onNotice));
      requireClassifier(path, base);
      requireLogits(base);
      await requireFit(base, options);
      const normalization = { ...defaultNormalization(base), ...options.normalization };
      const { mean, std } = normalization;
      onNotice?.(
        `note: the model gets (pixel / 255 - mean) / std with mean ${mean} and std ${Number(std.toPrecision(6))}; ` +
          'give those of its training if they differ',
      );
      const recorded = { model: path, normalization: options.normalization, overwrite };
      const manifest = importedManifest(tensorflow, base, undefined, { options: recorded, normalization });
      const folder = writer && (await saveRun(writer, { manifest, base }));
      return newRun({ folder, manifest, base, model: base });
    }),
  );
}

function requireClassifier(path: string, model: tf.LayersModel): void {
  const invalid = (problem: string) => new CheckpointError('invalid-checkpoint', `${path}: ${problem}`);
  const [input, ...otherInputs] = model.inputs.map(({ shape }) => shape.slice(1));
  const [output, ...otherOutputs] = model.outputs.map(({ shape }) => shape);
  if (!input || !output || otherInputs.length > 0 || otherOutputs.length > 0) {
    throw invalid(
      `the model has ${model.inputs.length} inputs and ${model.outputs.length} outputs; use a model with one of each`,
    );
  }
  const isGray = input.length < 3 || (input.length === 3 && (input[2] === 1 || input[2] === null));
  if (!isGray || input.length === 0) {
    throw invalid(
      `the model takes [${input}]; use one that takes grayscale images, such as [28,28,1] or [784]`,
    );
  }
  const classes = output[1] ?? 0;
  if (output.length !== 2 || classes < 2 || classes > MAX_CLASSES) {
    throw invalid(
      `the model returns [${output.slice(1)}] for an image; use a classifier with 2 to ${MAX_CLASSES} outputs`,
    );
  }
}

/** Checks the model against the data, if there is any. */
async function requireFit(model: tf.LayersModel, options: ImportModelOptions): Promise<void> {
  if (options.data === undefined) return;
  const { images, source } = await loadTestSet(options);
  imageShape(model, images);
  requireLabels(images.labels, model.outputs[0]!.shape[1]!, source.directory);
}

/** Models with a Rescaling layer take pixels from 0 to 255; others usually pixels / 255, as in the examples of Keras. */
function defaultNormalization(model: tf.LayersModel): Normalization {
  const first = model.layers.find((layer) => layer.getClassName() !== 'InputLayer');
  return { mean: 0, std: first?.getClassName() === 'Rescaling' ? 1 / 255 : 1 };
}
