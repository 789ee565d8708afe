import * as tf from '@tensorflow/tfjs';
import { createRandom } from '../../src/random.ts';

/** Replaces the weights of a model, which tfjs draws at random, by values that are the same in every run. */
export function withSeededWeights<Model extends tf.LayersModel>(model: Model): Model {
  const random = createRandom(0);
  for (const weight of model.weights) {
    const shape = weight.shape as number[];
    const isVariance = weight.originalName.endsWith('variance');
    const draw = () => (isVariance ? 0.5 + random.uniform() : 0.3 * random.normal());
    const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, draw);
    tf.tidy(() => {
      weight.write(tf.tensor(values, shape));
    });
  }
  return model;
}
