import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { mnistNormalization, normalize } from '../../src/models/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('normalize scales pixels to 0..1, then by the mean and standard deviation of MNIST', () => {
  const values = normalize(tf.tensor1d([0, 100, 255]), mnistNormalization).dataSync();
  [0, 100, 255].forEach((pixel, index) => {
    // 6 decimals are the precision of float32 for values up to 3.
    expect(values[index]).toBeCloseTo((pixel / 255 - 0.1301) / 0.3081, 6);
  });
});
