import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { evenBatch, largestBatch } from '../../src/inference/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const conv = (filters: number, inputShape?: number[]) =>
  tf.layers.conv2d({ filters, kernelSize: 1, ...(inputShape && { inputShape }) });

test('batches are even, and at most as large as allowed', () => {
  expect(evenBatch(10_000, 2000)).toBe(2000);
  expect(evenBatch(2001, 2000)).toBe(1001);
  expect(evenBatch(3, 2000)).toBe(3);
  expect(evenBatch(7, 1)).toBe(1);
});

test('batches are limited by the largest output of a layer, also in a nested model, and by a number of images', () => {
  const small = tf.sequential({ layers: [tf.layers.dense({ units: 10, inputShape: [784] })] });
  const nested = tf.sequential({ layers: [conv(50, [20, 20, 1])] }); // output of 20,000 values
  const outer = tf.sequential({ layers: [nested, tf.layers.flatten(), tf.layers.dense({ units: 3 })] });
  expect(largestBatch(small)).toBe(5000);
  expect(largestBatch(nested)).toBe(200);
  expect(largestBatch(outer)).toBe(200);
  expect([small, outer].map((model) => largestBatch(model, 'gpu'))).toEqual([10_000, 3200]);
  expect(largestBatch(tf.sequential({ layers: [conv(2, [2000, 2000, 1])] }))).toBe(1);
});
