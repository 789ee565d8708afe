import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { mnistNormalization, normalize } from '../../src/models/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice('cpu');

test('bytes are brought to 0..1, then to the mean and deviation of MNIST', () => {
  const values = normalize(tf.tensor1d([0, 100, 255]), mnistNormalization).dataSync();
  [0, 100, 255].forEach((byte, index) => {
    expect(values[index]).toBeCloseTo((byte / 255 - 0.1301) / 0.3081, 6);
  });
});
