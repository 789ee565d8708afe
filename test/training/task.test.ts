import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { trainingTask } from '../../src/training/index.ts';
import { engineOf } from '../helpers/engines.ts';
import { smallNet, smallTask, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const firstRows = Int32Array.of(0, 1, 2, 3, 4, 5);
const firstLoss = (options: Parameters<typeof smallTask>[0]) =>
  engineOf('eager', smallTask(options)).run(firstRows)[0]!;

test('passes images to the model in its input shape', () => {
  const flat = firstLoss({ model: smallNet() });
  expect(firstLoss({ model: smallNet({ inputShape: [4, 4, 1] }) })).toBe(flat);
});

test('adds the regularization losses of the layers to the loss', () => {
  const regularized = tf.layers.dense({
    units: 16,
    inputShape: [16],
    kernelInitializer: 'identity',
    biasInitializer: 'zeros',
    kernelRegularizer: tf.regularizers.l2({ l2: 0.25 }),
  });
  const difference =
    firstLoss({ model: smallNet({ layers: [regularized] }) }) - firstLoss({ model: smallNet() });
  // The identity has 16 ones. Both losses are float32 of about 5, so they are exact to 1e-6.
  expect(difference).toBeCloseTo(0.25 * 16, 5);
});

test('trains a model with several inputs and float labels', () => {
  const inputs = [tf.input({ shape: [2] }), tf.input({ shape: [3] })];
  const joined = tf.layers.concatenate().apply(inputs) as tf.SymbolicTensor;
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 1 });
  const outputs = tf.layers.dense({ units: 1, kernelInitializer }).apply(joined) as tf.SymbolicTensor;
  const task = trainingTask({
    model: tf.model({ inputs, outputs }),
    data: {
      rows: 4,
      inputs: [
        { values: Float32Array.of(0, 1, 1, 0, 1, 1, 0, 0), featureShape: [2] },
        { values: Uint8Array.from({ length: 12 }, (_, index) => index % 3), featureShape: [3] },
      ],
      labels: { values: Float32Array.of(0.5, 1.5, 2, 0), featureShape: [] },
    },
    batchSize: 4,
    optimizer: { rule: { kind: 'sgd', momentum: 0.9 }, learningRate: 0.02 },
    seed: 0,
    loss: 'mean-squared-error',
  });
  const rows = Int32Array.from({ length: 4 * 200 }, (_, index) => index % 4);
  const losses = engineOf('eager', task).run(rows);
  expect(losses.at(-1)).toBeLessThan(1e-3);
});

test.for<[string, Parameters<typeof smallTask>[0], new (...args: never[]) => Error, string]>([
  [
    'a batch larger than the data',
    { batchSize: 61 },
    UsageError,
    'batch size 61: larger than the data, which has 60 rows',
  ],
  ['a fractional batch size', { batchSize: 2.5 }, UsageError, 'batch size 2.5: must be a whole number'],
  [
    'a label outside the classes',
    { dataset: { ...stripes(), labels: stripes().labels.with(7, 3) } },
    DataError,
    'label 3 in row 7 is outside the 3 classes (0 to 2)',
  ],
  [
    'images with another number of pixels',
    { dataset: { ...stripes(), height: 5, width: 5 } },
    DataError,
    'images have 5 x 5 pixels, but the model takes [16]',
  ],
  [
    'a negative class weight',
    { classWeights: [1, -1, 1] },
    UsageError,
    'class weights 1, -1, 1: each must be',
  ],
  ['too few class weights', { classWeights: [1, 1] }, UsageError, '2 class weights for 3 classes'],
  [
    'a negative learning rate',
    { optimizer: { rule: { kind: 'sgd' }, learningRate: -1 } },
    UsageError,
    'learningRate is -1; it must be above 0',
  ],
])('rejects %s', ([, options, kind, message]) => {
  expect(() => smallTask(options)).toThrow(kind);
  expect(() => smallTask(options)).toThrow(message);
});
