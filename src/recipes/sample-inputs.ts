import * as tf from '@tensorflow/tfjs';
import { DataError, UsageError } from '../errors.ts';
import { imageShape, normalize } from '../models/index.ts';
import { createRandom } from '../random.ts';
import type { Run } from '../runs/index.ts';
import { dataOptionsFor, loadTestSet } from './data.ts';
import type { RecipeOptions } from './options.ts';

/** Inputs to try a model on. */
export interface SampleInputs {
  /** One tensor [count, ...] for each input of the model. The caller disposes them. */
  readonly inputs: readonly tf.Tensor[];
  readonly count: number;
  /** Whether they are test images, as opposed to random numbers. */
  readonly areImages: boolean;
}

/**
 * The first images of the test set, as the model of a run takes them. If there are none of the right size, random
 * numbers, unless `data` was set.
 *
 * @throws DataError if `data` is set, and cannot be loaded or has images of another size
 */
export async function sampleInputs(
  { base, manifest }: Run,
  { data, adjust, cwd, onNotice }: RecipeOptions,
  count: number,
): Promise<SampleInputs> {
  try {
    const { images } = await loadTestSet(dataOptionsFor({ data, adjust, cwd }, manifest));
    const shape = imageShape(base, images);
    const rows = Math.min(count, images.count);
    const pixels = images.images.subarray(0, rows * images.height * images.width);
    const input = tf.tidy(() =>
      normalize(tf.tensor(pixels, [rows, ...shape], 'int32'), manifest.normalization),
    );
    return { inputs: [input], count: rows, areImages: true };
  } catch (error) {
    if (!(error instanceof DataError) || data !== undefined) throw error;
    onNotice?.(`note: ${error.message}; random numbers are used instead`);
    return { inputs: randomInputs(base, count), count, areImages: false };
  }
}

/**
 * Returns random numbers [count, ...] for each input of a model. Unknown sizes are 1, those of a GraphModel's images 32.
 *
 * @throws UsageError if the shape of an input is unknown
 */
export function randomInputs(model: tf.LayersModel | tf.GraphModel, count: number): tf.Tensor[] {
  if (model instanceof tf.LayersModel)
    return model.inputs.map((input, index) => randomInput(model, input, count, index));
  return model.inputs.map((input, index) => randomNodeInput(input, count, index));
}

type GraphInput = tf.GraphModel['inputs'][number];

/** Normally distributed numbers for float32, otherwise 0 and 1, which are row numbers of any table. */
function randomNodeInput({ name, shape, dtype }: GraphInput, count: number, key: number): tf.Tensor {
  if (!shape) throw new UsageError('invalid-argument', `input '${name}': the graph does not give its shape`);
  const unknown = shape.length === 4 ? 32 : 1;
  const sizes = shape.map((size, axis) => (size >= 0 ? size : axis === 0 ? count : unknown));
  const random = createRandom(0, key);
  const draw = dtype === 'float32' ? () => random.normal() : () => random.below(2);
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(sizes) }, draw), sizes, dtype);
}

/** Normally distributed numbers [count, ...], or row numbers for an embedding. */
function randomInput(model: tf.LayersModel, input: tf.SymbolicTensor, count: number, key: number): tf.Tensor {
  const shape = [count, ...input.shape.slice(1).map((size) => size ?? 1)];
  const random = createRandom(0, key);
  const embedding = model.layers.find(
    (layer) => layer.getClassName() === 'Embedding' && layer.input === input,
  );
  const rows = embedding && (embedding.getConfig().inputDim as number);
  const draw = rows === undefined ? () => random.normal() : () => random.below(rows);
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, draw), shape);
}
