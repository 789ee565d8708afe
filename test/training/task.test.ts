import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { EagerEngine } from '../../src/training/engines/eager.ts';
import { trainingTask } from '../../src/training/index.ts';
import { smallNet, smallTask, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const FIRST = Int32Array.of(0, 1, 2, 3, 4, 5);
const firstLoss = (task: Parameters<typeof smallTask>[0]) => new EagerEngine(smallTask(task)).run(FIRST)[0]!;

test('images reach a model in the shape it takes', () => {
  const flat = firstLoss({ model: smallNet() });
  expect(firstLoss({ model: smallNet({ inputShape: [4, 4, 1] }) })).toBe(flat);
});

test('regularisation losses of the layers count', () => {
  const bias = tf.layers.dense({
    units: 16,
    inputShape: [16],
    kernelInitializer: 'identity',
    biasInitializer: 'zeros',
    kernelRegularizer: tf.regularizers.l2({ l2: 0.25 }),
  });
  const regularised = firstLoss({ model: smallNet({ layers: [bias] }) });
  expect(regularised - firstLoss({ model: smallNet() })).toBeCloseTo(0.25 * 16, 5);
});

test('a model with several inputs and float labels trains', () => {
  const inputs = [tf.input({ shape: [2] }), tf.input({ shape: [3] })];
  const joined = tf.layers.concatenate().apply(inputs) as tf.SymbolicTensor;
  const outputs = tf.layers.dense({ units: 1 }).apply(joined) as tf.SymbolicTensor;
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
  const losses = new EagerEngine(task).run(Int32Array.from({ length: 4 * 200 }, (_, index) => index % 4));
  expect(losses.at(-1)).toBeLessThan(1e-3);
});

test.for<[string, Parameters<typeof smallTask>[0], new (...args: never[]) => Error, string]>([
  [
    'a batch larger than the data',
    { batchSize: 61 },
    UsageError,
    'batch size 61 is larger than the data, which has 60 rows',
  ],
  ['half an example', { batchSize: 2.5 }, UsageError, 'batch size 2.5: has to be a whole number'],
  [
    'a label outside the classes',
    { dataset: { ...stripes(), labels: stripes().labels.with(7, 3) } },
    DataError,
    'training data: label 3 in row 7 is outside the 3 classes (0 to 2)',
  ],
  [
    'images of another size',
    { dataset: { ...stripes(), height: 5, width: 5 } },
    DataError,
    'images have 5 x 5 pixels, but the model takes [16]',
  ],
  [
    'a negative class weight',
    { classWeights: [1, -1, 1] },
    UsageError,
    'class weights 1, -1, 1: each has to be',
  ],
  ['too few class weights', { classWeights: [1, 1] }, UsageError, '2 class weights for 3 classes'],
  [
    'a learning rate below 0',
    { optimizer: { rule: { kind: 'sgd' }, learningRate: -1 } },
    UsageError,
    'learningRate is -1; it has to be above 0',
  ],
])('%s is refused in one line', ([, options, kind, message]) => {
  expect(() => smallTask(options)).toThrow(kind);
  expect(() => smallTask(options)).toThrow(message);
});
