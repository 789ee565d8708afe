import * as tf from '@tensorflow/tfjs';
import { type LoraLayer, loraLayers } from '../../src/lora/index.ts';
import { createRandom } from '../../src/random.ts';

/** Standard normal values, float32; equal keys give equal values. */
export function randomTensor(shape: readonly number[], key = 1): tf.Tensor {
  const random = createRandom(key);
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.normal()),
    [...shape],
  );
}

/** Gives every weight of a model seeded normal values, so that no zero or one hides an error. */
export function randomizeWeights(model: tf.LayersModel, key = 1): void {
  model.weights.forEach((weight, index) => {
    tf.tidy(() => {
      const values = tf.mul(randomTensor(weight.shape as number[], key + index), 0.3);
      const positive = /variance$/.test(weight.originalName) ? tf.add(tf.square(values), 0.5) : values;
      (weight.read() as tf.Variable).assign(positive);
    });
  });
}

/** Adds seeded normal values to every trainable weight of an adapter, as training would: B is no longer zero. */
export function randomizeAdapter(model: tf.LayersModel, key = 100): void {
  model.trainableWeights.forEach((weight, index) => {
    tf.tidy(() => {
      const { shape } = weight.read();
      const change = tf.mul(randomTensor(shape, key + index), 0.2);
      (weight.read() as tf.Variable).assign(tf.add(weight.read(), change));
    });
  });
}

/** A sequential model with seeded weights. */
export function sequential(...layers: tf.layers.Layer[]): tf.LayersModel {
  const model = tf.sequential({ layers });
  randomizeWeights(model);
  return model;
}

/** Dense layers `hidden` [6, 8], `middle` [8, 7] without bias, and `out` [7, 3]. */
export function sequentialModel(): tf.LayersModel {
  return sequential(
    tf.layers.dense({ name: 'hidden', inputShape: [6], units: 8, activation: 'tanh' }),
    tf.layers.dense({ name: 'middle', units: 7, useBias: false, activation: 'softmax' }),
    tf.layers.dense({ name: 'out', units: 3, activation: 'elu' }),
  );
}

/** Two inputs through a shared layer and a nested model to two outputs, with seeded weights. */
export function functionalModel(): tf.LayersModel {
  const inputs = [tf.input({ shape: [6], name: 'first' }), tf.input({ shape: [6], name: 'second' })];
  const shared = tf.layers.dense({ name: 'shared', units: 5, activation: 'relu' });
  const nestedInput = tf.input({ shape: [5], name: 'nested_input' });
  const middle = tf.layers.dense({ name: 'middle', units: 4, activation: 'sigmoid' }).apply(nestedInput);
  const nested = tf.model({ name: 'nested', inputs: nestedInput, outputs: middle as tf.SymbolicTensor });
  const [first, second] = inputs.map((input) => nested.apply(shared.apply(input)) as tf.SymbolicTensor);
  const both = tf.layers.concatenate({ name: 'both' }).apply([first!, second!]);
  const head = tf.layers.dense({ name: 'head', units: 3 }).apply(both) as tf.SymbolicTensor;
  const value = tf.layers.dense({ name: 'value', units: 2 }).apply(first!) as tf.SymbolicTensor;
  const model = tf.model({ name: 'functional', inputs, outputs: [head, value] });
  randomizeWeights(model);
  return model;
}

/** Inputs of a batch of 4. */
export function inputsFor(model: tf.LayersModel, key = 7): tf.Tensor[] {
  return model.inputs.map(({ shape }, index) =>
    randomTensor([4, ...(shape.slice(1) as number[])], key + index),
  );
}

/** All outputs of a model in one list. Batches of at most 32, which `predict` does not split. */
export function outputsOf(model: tf.LayersModel, inputs = inputsFor(model)): number[] {
  return tf.tidy(() => {
    const outputs = model.predict(inputs) as tf.Tensor | tf.Tensor[];
    return [outputs].flat().flatMap((output) => [...output.dataSync()]);
  });
}

/** The adapted layer at a path. */
export function layerAt(model: tf.LayersModel, path: string): LoraLayer {
  return loraLayers(model).find((named) => named.path === path)!.layer;
}

/** The low-rank update of an adapter that updates one kernel of the layer. */
export function onlyUpdate(layer: LoraLayer, adapter = 'default') {
  const updates = [...layer.adapters.get(adapter)!.updates.values()];
  if (updates.length !== 1) throw new Error(`adapter '${adapter}' updates ${updates.length} kernels`);
  return updates[0]!;
}
