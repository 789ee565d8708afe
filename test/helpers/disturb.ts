import * as tf from '@tensorflow/tfjs';
import type { AdaptableModel } from '../../src/layers-model.ts';
import { createRandom } from '../../src/random.ts';

/** Adds noise to what an adapted model trains, so that no B is zero and nothing is right by chance. */
export function disturbAdapters(model: AdaptableModel, seed = 0, deviation = 0.3): void {
  const random = createRandom(seed);
  for (const weight of model.trainableWeights) {
    const variable = weight.read() as tf.Variable;
    const noise = Float32Array.from({ length: variable.size }, () => deviation * random.normal());
    tf.tidy(() => variable.assign(tf.add(variable, tf.tensor(noise, variable.shape))));
  }
}
