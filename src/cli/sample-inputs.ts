import * as tf from '@tensorflow/tfjs';
import { DataError } from '../errors.ts';
import { findMnist, loadSplit } from '../mnist-data-loader/index.ts';
import { imageShape, normalize } from '../models/index.ts';
import { createRandom } from '../random.ts';
import type { Run } from '../runs/index.ts';
import type { CliContext } from './context.ts';

/** Inputs to try a run's model on. */
export interface SampleInputs {
  /** As the model takes them; the caller's to dispose. */
  readonly inputs: readonly tf.Tensor[];
  readonly count: number;
  /** Whether they are test images, or numbers at random because the model takes no images of this size. */
  readonly real: boolean;
}

/** The first examples of the test set for a run's model, or numbers at random where it takes something else. */
export async function sampleInputs(
  { base, manifest }: Run,
  { data }: { readonly data?: string },
  count: number,
  context: CliContext,
): Promise<SampleInputs> {
  try {
    const { dataset } = await loadSplit(await findMnist(data, context.cwd), 'test');
    const shape = imageShape(base, dataset);
    const rows = Math.min(count, dataset.count);
    const pixels = dataset.images.subarray(0, rows * dataset.height * dataset.width);
    const images = tf.tidy(() =>
      normalize(tf.tensor(pixels, [rows, ...shape], 'int32'), manifest.normalization),
    );
    return { inputs: [images], count: rows, real: true };
  } catch (error) {
    if (!(error instanceof DataError) || data !== undefined) throw error;
    context.note(`note: ${error.message}; numbers at random are used instead`);
    const inputs = base.inputs.map((input, index) => randomInput(base, input, count, index));
    return { inputs, count, real: false };
  }
}

function randomInput(model: tf.LayersModel, input: tf.SymbolicTensor, count: number, key: number): tf.Tensor {
  const shape = [count, ...input.shape.slice(1).map((size) => size ?? 1)];
  const random = createRandom(0, key);
  const table = model.layers.find((layer) => layer.getClassName() === 'Embedding' && layer.input === input);
  const rows = table && (table.getConfig().inputDim as number);
  const draw = rows === undefined ? () => random.normal() : () => random.below(rows);
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, draw), shape);
}
