import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { contentHash, weightsHash } from '../src/content-hash.ts';
import { createDigitsNet } from '../src/models/index.ts';
import { loadTensorFlow } from '../src/tensorflow/load.ts';

beforeAll(async () => {
  await loadTensorFlow({ device: 'cpu' });
});

const small = (seed: number) => createDigitsNet({ seed, inputSize: 4, classes: 3 });

async function reload(model: tf.LayersModel): Promise<tf.LayersModel> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = JSON.parse(JSON.stringify({ ...artifacts, weightData: undefined }));
      saved!.weightData = artifacts.weightData;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(saved!));
}

test('two models of the same weights in one process have the same hash', () => {
  expect(contentHash(small(1))).toBe(contentHash(small(1)));
});

test('the hash is the same after saving and loading, for sequential and functional models', async () => {
  const input = tf.input({ shape: [8, 8, 1] });
  const convolved = tf.layers.conv2d({ filters: 2, kernelSize: 3, name: 'convolution' }).apply(input);
  const output = tf.layers
    .dense({ units: 3, name: 'out', kernelRegularizer: 'l1l2' })
    .apply(tf.layers.flatten().apply(convolved)) as tf.SymbolicTensor;
  for (const model of [small(1), tf.model({ inputs: input, outputs: output })]) {
    expect(contentHash(await reload(model))).toBe(contentHash(model));
  }
});

test('the hash changes with one value, and with what a layer does', () => {
  const hash = contentHash(small(1));
  const moved = small(1);
  const weights = moved.getWeights();
  const bias = weights[5]!.dataSync().map((value, index) => (index === 2 ? value + 1e-6 : value));
  moved.setWeights([...weights.slice(0, 5), tf.tensor1d(bias)]);
  expect(contentHash(moved)).not.toBe(hash);
  const linear = createDigitsNet({ seed: 1, inputSize: 4, classes: 3, head: 'linear' });
  expect(contentHash(linear)).not.toBe(hash);
});

test('freezing a layer leaves the hash as it is', () => {
  const model = small(1);
  const hash = contentHash(model);
  model.getLayer('linear1').trainable = false;
  expect(contentHash(model)).toBe(hash);
});

test('the hash of weights does not depend on their order, but on their names and shapes', () => {
  const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
  const hash = weightsHash([
    ['a', a],
    ['b', b],
  ]);
  expect(
    weightsHash(
      new Map([
        ['b', b],
        ['a', a],
      ]),
    ),
  ).toBe(hash);
  expect(
    weightsHash([
      ['a', b],
      ['b', a],
    ]),
  ).not.toBe(hash);
  expect(
    weightsHash([
      ['a', a.reshape([2, 1])],
      ['b', b],
    ]),
  ).not.toBe(hash);
});
