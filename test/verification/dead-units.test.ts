import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { deadUnits } from '../../src/verification/index.ts';
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
