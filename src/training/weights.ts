import type * as tf from '@tensorflow/tfjs';

/**
 * The variables of a model by the names that stay the same from process to process, `layer/weight`. tfjs makes
 * variable names unique by counting, so a second model of one shape would have others. Equal names within the
 * model are numbered.
 */
export function namedWeights(model: tf.LayersModel): Map<string, tf.Variable> {
  const weights = new Map<string, tf.Variable>();
  for (const weight of model.weights) {
    let name = weight.originalName;
    for (let count = 1; weights.has(name); count++) name = `${weight.originalName}_${count}`;
    weights.set(name, weight.read() as tf.Variable);
  }
  return weights;
}

/** The trainable ones of `namedWeights`. */
export function trainableWeights(model: tf.LayersModel): Map<string, tf.Variable> {
  const trainable = new Set(model.trainableWeights.map((weight) => weight.read()));
  return new Map([...namedWeights(model)].filter(([, variable]) => trainable.has(variable)));
}
