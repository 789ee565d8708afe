import * as tf from '@tensorflow/tfjs';
import type { ImageDataset } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';

/**
 * Returns the shape in which a model takes one image, without the batch dimension, such as `[784]` or `[28, 28, 1]`.
 *
 * @throws DataError if the model takes several inputs, or images with another number of pixels
 */
export function imageShape(
  model: tf.LayersModel,
  { height, width }: Pick<ImageDataset, 'height' | 'width'>,
): number[] {
  requireLayersModel(model);
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

/**
 * Returns the size of the grayscale images that a model takes. Flat inputs are read as square images.
 *
 * @returns undefined if the model takes anything else
 */
export function imageSizeOf(model: tf.LayersModel): Pick<ImageDataset, 'height' | 'width'> | undefined {
  if (model.inputs.length !== 1) return undefined;
  const [height, width, channels = 1] = model.inputs[0]!.shape.slice(1);
  if (width === undefined) {
    const side = Math.sqrt(height ?? Number.NaN);
    return Number.isInteger(side) ? { height: side, width: side } : undefined;
  }
  return height && width && channels === 1 ? { height, width } : undefined;
}
