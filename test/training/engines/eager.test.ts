import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, TrainingError } from '../../../src/errors.ts';
import { shuffledSampler } from '../../../src/mnist-data-loader/index.ts';
import { EagerEngine } from '../../../src/training/engines/eager.ts';
import type { TrainingState, TrainingTask } from '../../../src/training/index.ts';
import { smallNet, smallTask, stripes } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const order = shuffledSampler({ rows: 60, seed: 5 });

/** Runs `steps` steps from `first` on. */
function run(engine: EagerEngine, task: TrainingTask, steps: number, first = 0): Float32Array {
  return engine.run(order.take(first * task.batchSize, steps * task.batchSize));
}

function withBatchNormalization(): tf.LayersModel {
  const norm = tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 });
  return smallNet({ layers: [norm] });
}

test('the loss falls', () => {
  const task = smallTask();
  const losses = run(new EagerEngine(task), task, 100);
  expect(losses[0]).toBeGreaterThan(0.9);
  expect(losses[99]).toBeLessThan(0.1);
});

test('the same seed gives the same bits', () => {
  const states = [0, 1].map(() => {
    const task = smallTask();
    const engine = new EagerEngine(task);
    run(engine, task, 20);
    return engine.state();
  });
  expect(states[0]).toEqual(states[1]);
});

test('n steps, a new engine from the state, then m steps give the bits of n + m', () => {
  for (const model of [() => smallNet(), withBatchNormalization]) {
    for (const rule of [{ kind: 'adam' }, { kind: 'rmsprop', momentum: 0.5, centered: true }] as const) {
      const optimizer = {
        rule,
        learningRate: 1e-2,
        clipNorm: 1,
        schedule: { kind: 'constant', warmup: 9 },
      } as const;
      const make = () => smallTask({ model: model(), optimizer });
      const [whole, first, second] = [make(), make(), make()];
      const wholeEngine = new EagerEngine(whole);
      const losses = run(wholeEngine, whole, 12);
      const firstEngine = new EagerEngine(first);
      run(firstEngine, first, 7);
      const secondEngine = new EagerEngine(second);
      secondEngine.restore(firstEngine.state());
      expect(run(secondEngine, second, 5, 7)).toEqual(losses.slice(7));
      expect(secondEngine.state()).toEqual(wholeEngine.state());
    }
  }
});

test('going back to the first state undoes moving averages too', () => {
  const task = smallTask({ model: withBatchNormalization() });
  const engine = new EagerEngine(task);
  const before = engine.state();
  const losses = run(engine, task, 5);
  const after = engine.state();
  expect([...after.weights.keys()]).toContain('norm/moving_mean');
  expect(after.weights.get('norm/moving_mean')).not.toEqual(before.weights.get('norm/moving_mean'));
  engine.restore(before);
  expect(engine.state()).toEqual(before);
  expect(run(engine, task, 5)).toEqual(losses);
});

test('making an engine changes nothing in the model', () => {
  const model = withBatchNormalization();
  const before = model.getWeights().map((weight) => weight.dataSync().slice());
  new EagerEngine(smallTask({ model }));
  expect(model.getWeights().map((weight) => weight.dataSync())).toEqual(before);
});

test('frozen weights do not move and are no part of the state', () => {
  const model = smallNet();
  model.getLayer('hidden').trainable = false;
  const before = model.getLayer('hidden').getWeights()[0]!.dataSync().slice();
  const task = smallTask({ model });
  const engine = new EagerEngine(task);
  run(engine, task, 5);
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
  const task = smallTask({ model: withBatchNormalization() });
  const before = tf.memory().numTensors;
  const engine = new EagerEngine(task);
  run(engine, task, 2);
  const during = tf.memory().numTensors;
  run(engine, task, 20, 2);
  engine.restore(engine.state());
  expect(tf.memory().numTensors).toBe(during);
  engine.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test.for<['a row outside the data' | 'a batch that is not full', number[]]>([
  ['a row outside the data', [0, 1, 2, 3, 4, 60]],
  ['a row outside the data', [-1, 1, 2, 3, 4, 5]],
  ['a batch that is not full', [0, 1, 2, 3]],
])('%s is refused', ([, rows]) => {
  expect(() => new EagerEngine(smallTask()).run(Int32Array.from(rows))).toThrow(DataError);
});

test('a model without trainable weights is refused', () => {
  const model = smallNet();
  for (const layer of model.layers) layer.trainable = false;
  expect(() => new EagerEngine(smallTask({ model }))).toThrow(TrainingError);
  expect(() => new EagerEngine(smallTask({ model }))).toThrow('no trainable weights; unfreeze a layer');
});

test('a loss that is no scalar is refused before the first step', () => {
  const task = smallTask({ loss: (predictions) => predictions });
  expect(() => new EagerEngine(task)).toThrow('the loss has shape [6,3]; it has to be one number');
});

test('a state of another task is refused', () => {
  const engine = new EagerEngine(smallTask());
  const state: TrainingState = { step: 1, weights: new Map(), slots: new Map() };
  expect(() => engine.restore(state)).toThrow("the state has no values of 'hidden/kernel'");
});

test('labels are read by row, so a row order changes what is learned', () => {
  const task = smallTask();
  const even = Int32Array.from({ length: 60 }, (_, index) => (3 * index) % 60);
  expect([...even].every((row) => stripes().labels[row] === 0)).toBe(true);
  const losses = new EagerEngine(task).run(even);
  const predictions = tf.tidy(
    () => (task.model.predict(tf.ones([1, 16])) as tf.Tensor).argMax(1).dataSync()[0],
  );
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  expect(predictions).toBe(0);
});
