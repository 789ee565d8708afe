import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { AppError, CheckpointError } from '../../src/errors.ts';
import {
  adaptiveReplay,
  classificationTask,
  createEngine,
  searchStrength,
  train,
  trainGuarded,
  trainingTask,
} from '../../src/training/index.ts';
import { smallNet, smallTask } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** Calls that TypeScript would reject. */
const untyped = {
  adaptiveReplay,
  classificationTask,
  createEngine,
  searchStrength,
  trainingTask,
  train: (options: never) => train(options).next(),
  trainGuarded: (options: never) => trainGuarded(options).next(),
} as never as Record<string, (...values: unknown[]) => unknown>;

const data = {
  rows: 2,
  inputs: [{ values: new Float32Array(32), featureShape: [16] }],
  labels: { values: new Int32Array(2), featureShape: [] },
};
const options = {
  data,
  batchSize: 2,
  optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
  seed: 0,
};
const withData = (change: object) => () =>
  untyped.trainingTask!({ model: smallNet(), ...options, data: { ...data, ...change } });
const withOptions = (change: object) => () =>
  untyped.trainingTask!({ model: smallNet(), ...options, ...change });
const replay = {
  rows: Int32Array.of(0),
  replayRows: new Map([[1, Int32Array.of(1)]]),
  fraction: 0.5,
  batchSize: 2,
  seed: 0,
  maxDrop: 0.1,
};

test.for<[string, () => unknown, string]>([
  [
    'createEngine without a name',
    () => untyped.createEngine!(),
    "unknown engine 'undefined'; choose from auto",
  ],
  [
    'createEngine without a task',
    () => untyped.createEngine!('graph'),
    'task: is undefined, not an object; create it with',
  ],
  [
    'createEngine with an empty task',
    () => untyped.createEngine!('graph', {}),
    "task: has no 'model'; create it with",
  ],
  [
    'createEngine with a model',
    () => untyped.createEngine!('graph', smallNet(), { steps: 1 }),
    "task: has no 'model'",
  ],
  [
    'createEngine without options',
    () => untyped.createEngine!('graph', smallTask()),
    'engine options: is undefined, not an object; pass { steps }',
  ],
  [
    'createEngine with negative steps',
    () => untyped.createEngine!('graph', smallTask(), { steps: -1 }),
    "engine options: 'steps' is -1, not a whole number",
  ],
  [
    'createEngine with no steps per call',
    () => untyped.createEngine!('graph', smallTask(), { steps: 1, stepsPerCall: 0 }),
    "engine options: 'stepsPerCall' is 0; it must be a whole number of at least 1",
  ],
  [
    'createEngine with a note that is a string',
    () => untyped.createEngine!('graph', smallTask(), { steps: 1, note: 'x' }),
    "engine options: 'note' is a string, not a function",
  ],
  [
    'trainingTask without options',
    () => untyped.trainingTask!(),
    'task options: is undefined, not an object; pass',
  ],
  ['trainingTask without a model', () => untyped.trainingTask!(options), "task options: has no 'model'"],
  ['another model', withOptions({ model: {} }), 'model: must be a tf.LayersModel (Object)'],
  [
    'a model of another copy of tfjs',
    withOptions({ model: { name: 'theirs', layers: [], getClassName: () => '', predict: () => {} } }),
    "model: 'theirs' was made by another copy of @tensorflow/tfjs",
  ],
  [
    'an optimizer of tfjs',
    () => withOptions({ optimizer: tf.train.adam() })(),
    "optimizer: has no 'rule'; pass { rule:",
  ],
  [
    'no learning rate',
    withOptions({ optimizer: { rule: { kind: 'sgd' } } }),
    "optimizer: has no 'learningRate'",
  ],
  ['an unknown loss', withOptions({ loss: 'mse' }), "unknown loss 'mse'; choose from cross-entropy"],
  [
    'one input that is no list',
    withData({ inputs: data.inputs[0] }),
    "data: 'inputs' is an object, not a list",
  ],
  [
    'another name of the shape',
    withData({ inputs: [{ values: new Float32Array(32), rowShape: [16] }] }),
    "input 0 of the data: has no 'featureShape'",
  ],
  [
    'values in a plain array',
    withData({ labels: { values: [0, 1], featureShape: [] } }),
    "labels of the data: 'values' is an array; it must be a Uint8Array",
  ],
  [
    'too few values',
    withData({ inputs: [{ values: new Float32Array(31), featureShape: [16] }] }),
    'input 0 of the data: has 31 values, but 2 rows of shape [16] are 32',
  ],
  [
    'classificationTask without images',
    () => untyped.classificationTask!({ model: smallNet(), ...options }),
    "task options: has no 'dataset'",
  ],
  ['train without options', () => untyped.train!(), 'training options: is undefined, not an object'],
  [
    'train with a sampler that is an array',
    () =>
      untyped.train!({
        task: smallTask(),
        engine: createEngine('eager', smallTask(), { steps: 1 }),
        sampler: [],
        steps: 1,
      }),
    "sampler: has no 'take'; create it with shuffledSampler",
  ],
  [
    'trainGuarded without a guard',
    () => untyped.trainGuarded!({ engine: {} }),
    "training options: has no 'guard'",
  ],
  [
    'trainGuarded without a measure',
    () => untyped.trainGuarded!({ engine: {}, guard: { before: [] } }),
    "guard: has no 'measure'",
  ],
  [
    'searchStrength without a budget',
    () => untyped.searchStrength!(undefined, () => []),
    'budget: is undefined',
  ],
  ['searchStrength without a measure', () => untyped.searchStrength!({}), 'measure: is not a function'],
  ['adaptiveReplay without options', () => untyped.adaptiveReplay!(), 'replay options: is undefined'],
  [
    'adaptiveReplay with rows in an object',
    () => untyped.adaptiveReplay!({ ...replay, replayRows: {} }),
    "replay options: 'replayRows' must be a Map",
  ],
  [
    'an update at an endless step',
    () => adaptiveReplay(replay).update(Number.POSITIVE_INFINITY, [], []),
    'step Infinity: must be a whole number',
  ],
  [
    'an update without counts',
    () => adaptiveReplay(replay).update(1, [], []),
    'counts: class 1 is missing, which is replayed',
  ],
])('%s gives one clear line', async ([, call, line]) => {
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(AppError);
  expect((error as Error).message).not.toContain('\n');
  expect((error as Error).message.slice(0, line.length)).toBe(line);
});

const counts = [
  { support: 10, errors: 1 },
  { support: 10, errors: 2 },
];
const best = { step: 5, weights: new Map(), slots: new Map() };

test.for<[string, { step: number; counts: typeof counts }[], string]>([
  [
    'a step far past the state',
    [{ step: 2 ** 31, counts }],
    'check 1 is at step 2147483648, which must be a whole number from 0 to 10',
  ],
  [
    'descending steps',
    [5, 3].map((step) => ({ step, counts })),
    'check 2 is at step 3, which must be a whole number from 6 to 10',
  ],
  [
    'a step that is not whole',
    [{ step: 2.5, counts }],
    'check 1 is at step 2.5, which must be a whole number from 0 to 10',
  ],
  [
    'a step that is not a number',
    [{ step: Number.NaN, counts }],
    'check 1 is at step NaN, which must be a whole number from 0 to 10',
  ],
  [
    'no check of the best state',
    [{ step: 4, counts }],
    'the best state is of step 5, at which there was no check',
  ],
  [
    'more errors than examples',
    [{ step: 5, counts: [counts[0]!, { support: 10, errors: 11 }] }],
    'the check at step 5 has 11 errors of 10 examples of class 1',
  ],
])('a history of the guard with %s is rejected before batches are drawn', async ([, checks, problem]) => {
  const sampler = adaptiveReplay(replay);
  const task = smallTask();
  const engine = createEngine('eager', task, { steps: 20 });
  const state = { ...engine.state(), step: 10 };
  const guard = {
    targetLabels: [0],
    maxDrop: 0.1,
    before: counts,
    measure: () => counts,
    replay: sampler,
    history: { checks, best },
  };
  const training = trainGuarded({ task, engine, sampler, steps: 20, resume: state, guard });
  const error = await training.next().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as Error).message).toBe(
    `history of the guard: ${problem}; it is damaged, so train again without it`,
  );
  engine.dispose();
});

test('a loss may declare the ranks of its tensors', () => {
  const task = trainingTask({
    model: smallNet(),
    ...options,
    optimizer: { rule: { kind: 'sgd' }, learningRate: 1e-3 },
    loss: (predictions: tf.Tensor2D, labels: tf.Tensor1D) =>
      tf.mean(tf.square(tf.sub(predictions, tf.expandDims(labels, 1)))),
    prepare: (inputs: tf.Tensor2D[]) => inputs,
  });
  const engine = createEngine('eager', task, { steps: 1 });
  expect(engine.run(Int32Array.of(0, 1))).toHaveLength(1);
  engine.dispose();
});
