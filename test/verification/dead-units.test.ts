import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { deadUnits, deadUnitWarnings } from '../../src/verification/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('finds units that are 0 for every example, in hidden and output layers', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'hidden', units: 4, inputShape: [2], activation: 'relu' }),
      tf.layers.dense({ name: 'out', units: 3, activation: 'relu' }),
    ],
  });
  model.getLayer('hidden').setWeights([tf.ones([2, 4]), tf.tensor1d([0, -1e3, 0, -1e3])]);
  model.getLayer('out').setWeights([tf.ones([4, 3]), tf.tensor1d([0, 0, -1e4])]);
  const inputs = [
    tf.tensor2d([
      [1, 2],
      [-3, 1],
    ]),
  ];
  const before = tf.memory().numTensors;
  expect(deadUnits(model, inputs)).toEqual([
    { path: 'hidden', units: 4, dead: [1, 3], isOutput: false },
    { path: 'out', units: 3, dead: [2], isOutput: true },
  ]);
  expect(tf.memory().numTensors).toBe(before);
});

test('describes dead outputs by class name, other units by index', () => {
  const layers = [
    { path: 'hidden', units: 40, dead: [...Array(20).keys()], isOutput: false },
    { path: 'out', units: 3, dead: [2], isOutput: true },
  ];
  expect(deadUnitWarnings(layers, { examples: 10_000, classNames: ['cat', 'dog', 'bird'] })).toEqual([
    "20 of 40 units of 'hidden' are 0 for all 10,000 test images, so they do not learn: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...",
    "1 of 3 outputs of 'out' are 0 for all 10,000 test images, so they do not learn: bird",
  ]);
});
