import * as tf from '@tensorflow/tfjs';
import { loraLayers } from '../../src/lora/index.ts';
import { createRandom } from '../../src/random.ts';

/** Standard normal values, the same for the same key. */
export function randomTensor(shape: readonly number[], key = 1): tf.Tensor {
  const random = createRandom(key);
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.normal()),
    [...shape],
  );
}

/** Gives every weight of a model normal values, so that no zero or one hides a mistake. */
export function randomizeWeights(model: tf.LayersModel, key = 1): void {
  model.weights.forEach((weight, index) => {
    tf.tidy(() => {
      const values = tf.mul(randomTensor(weight.shape as number[], key + index), 0.3);
      const positive = /variance$/.test(weight.originalName) ? tf.add(tf.square(values), 0.5) : values;
      (weight.read() as tf.Variable).assign(positive);
    });
  });
}

/** Gives every trainable weight of an adapter normal values, as training would: B is no longer zero. */
export function randomizeAdapter(model: tf.LayersModel, key = 100): void {
  model.trainableWeights.forEach((weight, index) => {
    tf.tidy(() => {
      const { shape } = weight.read();
      const change = tf.mul(randomTensor(shape, key + index), 0.2);
      (weight.read() as tf.Variable).assign(tf.add(weight.read(), change));
    });
  });
}

export function sequentialModel(): tf.LayersModel {
  const model = tf.sequential({ name: 'plain' });
  model.add(tf.layers.dense({ name: 'hidden', inputShape: [6], units: 8, activation: 'tanh' }));
  model.add(tf.layers.dense({ name: 'middle', units: 7, useBias: false, activation: 'softmax' }));
  model.add(tf.layers.dense({ name: 'out', units: 3, activation: 'elu' }));
  return model;
}

/** Two inputs that share a layer, a nested model, two outputs. */
export function functionalModel(): tf.LayersModel {
  const one = tf.input({ shape: [6], name: 'one' });
  const other = tf.input({ shape: [6], name: 'other' });
  const shared = tf.layers.dense({ name: 'shared', units: 5, activation: 'relu' });
  const inside = tf.input({ shape: [5], name: 'inside' });
  const middle = tf.layers.dense({ name: 'middle', units: 4, activation: 'sigmoid' }).apply(inside);
  const nested = tf.model({ name: 'nested', inputs: inside, outputs: middle as tf.SymbolicTensor });
  const left = nested.apply(shared.apply(one)) as tf.SymbolicTensor;
  const right = nested.apply(shared.apply(other)) as tf.SymbolicTensor;
  const both = tf.layers.concatenate({ name: 'both' }).apply([left, right]);
  const head = tf.layers.dense({ name: 'head', units: 3 }).apply(both) as tf.SymbolicTensor;
  const value = tf.layers.dense({ name: 'value', units: 2 }).apply(left) as tf.SymbolicTensor;
  return tf.model({ name: 'functional', inputs: [one, other], outputs: [head, value] });
}

/** Inputs of a batch of 4 for a model. */
export function inputsFor(model: tf.LayersModel, key = 7): tf.Tensor[] {
  return model.inputs.map(({ shape }, index) =>
    randomTensor([4, ...(shape.slice(1) as number[])], key + index),
  );
}

/** All outputs of a model in one array. */
export function outputsOf(model: tf.LayersModel, inputs = inputsFor(model)): number[] {
  return tf.tidy(() => {
    const outputs = model.predict(inputs) as tf.Tensor | tf.Tensor[];
    return [outputs].flat().flatMap((output) => [...output.dataSync()]);
  });
}

export function layerAt(model: tf.LayersModel, path: string) {
  return loraLayers(model).find((placed) => placed.path === path)!.layer;
}
