import * as tf from '@tensorflow/tfjs';

/** Mean and standard deviation of pixels scaled to 0..1. */
export interface Normalization {
  readonly mean: number;
  readonly std: number;
}

/** Of the MNIST training set, rounded as in the published experiment. */
export const mnistNormalization: Normalization = { mean: 0.1301, std: 0.3081 };

/**
 * Returns (pixels / 255 - mean) / std.
 *
 * @param pixels 0..255, any shape and dtype
 * @returns float32, the same shape
 */
export function normalize(pixels: tf.Tensor, { mean, std }: Normalization): tf.Tensor {
  return tf.sub(tf.mul(pixels, 1 / (255 * std)), mean / std);
}
