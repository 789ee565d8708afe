import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { contentHash, weightsHash } from '../src/content-hash.ts';
import { createDigitsNet } from '../src/models/index.ts';
import { reload } from './helpers/reload.ts';
import { useDevice } from './helpers/tensorflow.ts';

useDevice('cpu');

const small = (seed: number) => createDigitsNet({ seed, inputSize: 4, classes: 3 });

test('models with equal weights have equal hashes', () => {
  expect(contentHash(small(1))).toBe(contentHash(small(1)));
});

test('saving and loading does not change the hash, for sequential and functional models', async () => {
  const input = tf.input({ shape: [8, 8, 1] });
  const convolved = tf.layers.conv2d({ filters: 2, kernelSize: 3, name: 'convolution' }).apply(input);
  const output = tf.layers
    .dense({ units: 3, name: 'out', kernelRegularizer: 'l1l2' })
    .apply(tf.layers.flatten().apply(convolved)) as tf.SymbolicTensor;
  for (const model of [small(1), tf.model({ inputs: input, outputs: output })]) {
    expect(contentHash(await reload(model))).toBe(contentHash(model));
  }
});

test('one changed value or activation changes the hash', () => {
  const hash = contentHash(small(1));
  const changed = small(1);
  const weights = changed.getWeights();
  const bias = weights[5]!.dataSync().map((value, index) => (index === 2 ? value + 1e-6 : value));
  changed.setWeights([...weights.slice(0, 5), tf.tensor1d(bias)]);
  expect(contentHash(changed)).not.toBe(hash);
  const linear = createDigitsNet({ seed: 1, inputSize: 4, classes: 3, head: 'linear' });
  expect(contentHash(linear)).not.toBe(hash);
});

test('freezing a layer does not change the hash', () => {
  const model = small(1);
  const hash = contentHash(model);
  model.getLayer('linear1').trainable = false;
  expect(contentHash(model)).toBe(hash);
});

test('the hash of weights depends on their names and shapes, not on their order', () => {
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
