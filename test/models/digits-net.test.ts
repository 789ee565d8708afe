import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { createDigitsNet, modelSummary } from '../../src/models/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('DigitsNet has 235,146 parameters in linear1, linear2 and linear3', () => {
  const summary = modelSummary(createDigitsNet());
  expect(
    summary.layers.map(({ name, type, outputShape, parameters }) => [name, type, outputShape, parameters]),
  ).toEqual([
    ['linear1', 'Dense', [256], 200_960],
    ['linear2', 'Dense', [128], 32_896],
    ['linear3', 'Dense', [10], 1_290],
  ]);
  expect([summary.parameters, summary.trainableParameters]).toEqual([235_146, 235_146]);
});

test('the summary counts the parameters of a frozen layer as not trainable', () => {
  const model = createDigitsNet();
  model.getLayer('linear1').trainable = false;
  const summary = modelSummary(model);
  expect([summary.parameters, summary.trainableParameters]).toEqual([235_146, 34_186]);
});

test('DigitsNet draws kernels and biases uniformly within 1 / sqrt(inputs)', () => {
  for (const layer of createDigitsNet({ seed: 3 }).layers) {
    const [kernel, bias] = layer.getWeights() as [tf.Tensor, tf.Tensor];
    const bound = 1 / Math.sqrt(kernel.shape[0]!);
    for (const weight of [kernel, bias]) {
      const values = weight.dataSync() as Float32Array;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(bound);
      expect(largest).toBeGreaterThan(0.8 * bound);
    }
    const mean = kernel.mean().dataSync()[0]!;
    const variance = tf.moments(kernel).variance.dataSync()[0]!;
    // Four standard errors of the mean and of the variance of a uniform distribution.
    expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(3 * kernel.size));
    expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan(
      (4 * Math.sqrt(0.8)) / Math.sqrt(kernel.size),
    );
  }
});

test('equal seeds give equal DigitsNets, different seeds different ones', () => {
  const kernel = (seed: number) => createDigitsNet({ seed }).getWeights()[0]!.dataSync();
  expect(kernel(1)).toEqual(kernel(1));
  expect(kernel(1)).not.toEqual(kernel(2));
});

test('the ReLU head clips negative logits, the linear head does not', () => {
  const logits = (head: 'relu' | 'linear') =>
    (createDigitsNet({ head }).predict(tf.ones([1, 784])) as tf.Tensor).dataSync();
  expect(Math.min(...logits('relu'))).toBe(0);
  expect(Math.min(...logits('linear'))).toBeLessThan(0);
  // A fused ReLU may round differently.
  const clipped = logits('linear').map((value) => Math.max(0, value));
  expect(largestDifference(logits('relu'), clipped)).toBeLessThan(1e-6);
});

test('DigitsNet adapts its layers to the input size and the number of classes', () => {
  const { layers } = modelSummary(createDigitsNet({ inputSize: 6, classes: 3 }));
  expect([layers[0]!.parameters, layers[2]!.outputShape]).toEqual([7 * 256, [3]]);
});

test('DigitsNet leaves no tensors other than its weights', () => {
  const before = tf.memory().numTensors;
  const model = createDigitsNet();
  expect(tf.memory().numTensors - before).toBe(6);
  model.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
