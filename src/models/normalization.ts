import * as tf from '@tensorflow/tfjs';

/** Mean and standard deviation of pixels that lie in 0..1. */
export interface Normalization {
  readonly mean: number;
  readonly std: number;
}

/** Of the MNIST training set, as the published experiment rounds them. */
export const mnistNormalization: Normalization = { mean: 0.1301, std: 0.3081 };

/** (bytes / 255 - mean) / std, for pixels 0..255 in a tensor of any shape. */
export function normalize(bytes: tf.Tensor, { mean, std }: Normalization): tf.Tensor {
  return tf.sub(tf.mul(bytes, 1 / (255 * std)), mean / std);
}
