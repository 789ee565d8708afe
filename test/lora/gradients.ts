import * as tf from '@tensorflow/tfjs';
import { randomTensor } from './models.ts';

/**
 * Compares the gradient of each trainable weight, along a random direction, with central differences of fourth order.
 *
 * @returns the largest relative error; float32 rounding alone makes it up to 4e-3
 */
export function gradientError(model: tf.LayersModel, x: tf.Tensor): number {
  const loss = () => tf.mean(tf.square(model.apply(x, { training: true }) as tf.Tensor)) as tf.Scalar;
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const { grads } = tf.variableGrads(loss, variables);
  const errors = variables.map((variable, index) => {
    const direction = randomTensor(variable.shape, 900 + index);
    const start = variable.clone();
    const step = 1e-2;
    const lossAt = (distance: number) => {
      tf.tidy(() => variable.assign(tf.add(start, tf.mul(direction, distance))));
      return tf.tidy(() => loss().dataSync()[0]!);
    };
    const slope = (8 * (lossAt(step) - lossAt(-step)) - (lossAt(2 * step) - lossAt(-2 * step))) / (12 * step);
    variable.assign(start);
    const exact = tf.sum(tf.mul(grads[variable.name]!, direction)).dataSync()[0]!;
    return Math.abs(slope - exact) / Math.max(Math.abs(exact), 1e-2);
  });
  return Math.max(...errors);
}
