import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { createDigitsNet, modelSummary } from '../../src/models/index.ts';
import { loadTensorFlow } from '../../src/tensorflow/load.ts';

beforeAll(async () => {
  await loadTensorFlow({ device: 'cpu' });
});

test('DigitsNet has 235,146 values in linear1, linear2 and linear3', () => {
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

test('a frozen layer counts as parameters but not as trainable ones', () => {
  const model = createDigitsNet();
  model.getLayer('linear1').trainable = false;
  const summary = modelSummary(model);
  expect([summary.parameters, summary.trainableParameters]).toEqual([235_146, 34_186]);
});

test('kernels and biases start uniform within 1 / sqrt(inputs)', () => {
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
    // Standard errors of a uniform distribution's mean and variance, four of each.
    expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(3 * kernel.size));
    expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan(
      (4 * Math.sqrt(0.8)) / Math.sqrt(kernel.size),
    );
  }
});

test('the same seed gives the same weights, another seed others', () => {
  const first = (seed: number) => createDigitsNet({ seed }).getWeights()[0]!.dataSync();
  expect(first(1)).toEqual(first(1));
  expect(first(1)).not.toEqual(first(2));
});

test('the ReLU head never gives a negative logit, the linear one does', () => {
  const logits = (head: 'relu' | 'linear') =>
    (createDigitsNet({ head }).predict(tf.ones([1, 784])) as tf.Tensor).dataSync();
  expect(Math.min(...logits('relu'))).toBe(0);
  expect(Math.min(...logits('linear'))).toBeLessThan(0);
  expect(logits('relu')).toEqual(logits('linear').map((value) => Math.max(0, value)));
});

test('other image sizes and class counts give layers to match', () => {
  const { layers } = modelSummary(createDigitsNet({ inputSize: 6, classes: 3 }));
  expect([layers[0]!.parameters, layers[2]!.outputShape]).toEqual([7 * 256, [3]]);
});

test('a model and its data hold only its weights in memory', () => {
  const before = tf.memory().numTensors;
  const model = createDigitsNet();
  expect(tf.memory().numTensors - before).toBe(6);
  model.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
