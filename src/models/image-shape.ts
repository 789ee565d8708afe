import * as tf from '@tensorflow/tfjs';
import type { ImageDataset } from '../data/index.ts';
import { DataError } from '../errors.ts';

/**
 * Returns the shape in which a model takes one image, without the batch dimension, such as `[784]` or `[28, 28, 1]`.
 *
 * @throws DataError if the model takes several inputs, or images with another number of pixels
 */
export function imageShape(
  model: tf.LayersModel,
  { height, width }: Pick<ImageDataset, 'height' | 'width'>,
): number[] {
  const [input, ...otherInputs] = model.inputs;
  if (input === undefined || otherInputs.length > 0) {
    throw new DataError(
      'invalid-data',
      `the model takes ${model.inputs.length} inputs; images need a model with one input`,
    );
  }
  const shape = input.shape.slice(1).map((size, axis) => size ?? [height, width, 1][axis] ?? 1);
  if (tf.util.sizeFromShape(shape) !== height * width) {
    throw new DataError(
      'invalid-data',
      `images have ${height} x ${width} pixels, but the model takes [${shape}]; use a model of that input size`,
    );
  }
  return shape;
}
