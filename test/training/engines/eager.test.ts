import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, TrainingError } from '../../../src/errors.ts';
import type { TrainingState } from '../../../src/training/index.ts';
import { engineOf, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { smallNet, smallTask, stripes } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

function netWithBatchNormalization(): tf.LayersModel {
  const norm = tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 });
  return smallNet({ layers: [norm] });
}

test('the loss falls', () => {
  const losses = lossesOf('eager', smallTask(), 100);
  expect(losses[0]).toBeGreaterThan(0.9);
  expect(losses[99]).toBeLessThan(0.1);
});

test('the same seed gives the same bits', () => {
  const states = [0, 1].map(() => {
    const task = smallTask();
    const engine = engineOf('eager', task);
    engine.run(rowsOf(task, 20));
    return engine.state();
  });
  expect(states[0]).toEqual(states[1]);
});

test.for([
  ['a plain net', () => smallNet()],
  ['BatchNormalization', netWithBatchNormalization],
] as const)('n steps, then m in a new engine, give the bits of n + m, with %s', ([, model]) => {
  for (const rule of [{ kind: 'adam' }, { kind: 'rmsprop', momentum: 0.5, centered: true }] as const) {
    const optimizer = {
      rule,
      learningRate: 1e-2,
      clipNorm: 1,
      schedule: { kind: 'constant', warmup: 9 },
    } as const;
    const task = () => smallTask({ model: model(), optimizer });
    const [whole, first, second] = [task(), task(), task()].map((each) => engineOf('eager', each));
    const losses = whole!.run(rowsOf(task(), 12));
    first!.run(rowsOf(task(), 7));
    second!.restore(first!.state());
    expect(second!.run(rowsOf(task(), 5, 7))).toEqual(losses.slice(7));
    expect(second!.state()).toEqual(whole!.state());
  }
});

test('restoring the first state also restores moving averages', () => {
  const task = smallTask({ model: netWithBatchNormalization() });
  const engine = engineOf('eager', task);
  const before = engine.state();
  const losses = engine.run(rowsOf(task, 5));
  const after = engine.state();
  expect([...after.weights.keys()]).toContain('norm/moving_mean');
  expect(after.weights.get('norm/moving_mean')).not.toEqual(before.weights.get('norm/moving_mean'));
  engine.restore(before);
  expect(engine.state()).toEqual(before);
  expect(engine.run(rowsOf(task, 5))).toEqual(losses);
});

test('creating an engine does not change the model', () => {
  const model = netWithBatchNormalization();
  const before = model.getWeights().map((weight) => weight.dataSync().slice());
  engineOf('eager', smallTask({ model }));
  expect(model.getWeights().map((weight) => weight.dataSync())).toEqual(before);
});

test('frozen weights do not change and are not part of the state', () => {
  const model = smallNet();
  model.getLayer('hidden').trainable = false;
  const before = model.getLayer('hidden').getWeights()[0]!.dataSync().slice();
  const task = smallTask({ model });
  const engine = engineOf('eager', task);
  engine.run(rowsOf(task, 5));
  expect(model.getLayer('hidden').getWeights()[0]!.dataSync()).toEqual(before);
  expect([...engine.state().weights.keys()]).toEqual(['out/kernel', 'out/bias']);
  expect([...engine.state().slots.keys()]).toEqual([
    'm/out/kernel',
    'v/out/kernel',
    'm/out/bias',
    'v/out/bias',
  ]);
});

test('steps leave no tensors behind, and disposing frees the slots', () => {
  const task = smallTask({ model: netWithBatchNormalization() });
  const before = tf.memory().numTensors;
  const engine = engineOf('eager', task);
  engine.run(rowsOf(task, 2));
  const during = tf.memory().numTensors;
  engine.run(rowsOf(task, 20, 2));
  engine.restore(engine.state());
  expect(tf.memory().numTensors).toBe(during);
  engine.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test.for<[string, number[], string]>([
  ['a row after the last', [0, 1, 2, 3, 4, 60], 'row 60 is outside the data, which has 60 rows'],
  ['a negative row', [-1, 1, 2, 3, 4, 5], 'row -1 is outside the data'],
  ['a batch that is not full', [0, 1, 2, 3], '4 rows do not make whole batches of 6'],
])('rejects %s', ([, rows, message]) => {
  const run = () => engineOf('eager', smallTask()).run(Int32Array.from(rows));
  expect(run).toThrow(DataError);
  expect(run).toThrow(message);
});

test('rejects a model without trainable weights', () => {
  const model = smallNet();
  for (const layer of model.layers) layer.trainable = false;
  const create = () => engineOf('eager', smallTask({ model }));
  expect(create).toThrow(TrainingError);
  expect(create).toThrow('no trainable weights; unfreeze a layer');
});

test('rejects a loss that is not a scalar before the first step', () => {
  const task = smallTask({ loss: (predictions) => predictions });
  expect(() => engineOf('eager', task)).toThrow('the loss has shape [6,3], but it must be a scalar');
});

test('rejects the state of another task', () => {
  const engine = engineOf('eager', smallTask());
  const state: TrainingState = { step: 1, weights: new Map(), slots: new Map() };
  expect(() => engine.restore(state)).toThrow("the state has no values of 'hidden/kernel'");
});

test('trains on the labels of the given rows', () => {
  const task = smallTask();
  const rowsOfClass0 = Int32Array.from({ length: 60 }, (_, index) => (3 * index) % 60);
  expect([...rowsOfClass0].every((row) => stripes().labels[row] === 0)).toBe(true);
  const losses = engineOf('eager', task).run(rowsOfClass0);
  const prediction = tf.tidy(
    () => (task.model.predict(tf.ones([1, 16])) as tf.Tensor).argMax(1).dataSync()[0],
  );
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  expect(prediction).toBe(0);
});
