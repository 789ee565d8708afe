import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { UsageError } from '../../src/errors.ts';
import {
  activeAdapters,
  adapterNames,
  addAdapter,
  addWeightedAdapter,
  baseWeights,
  deleteAdapter,
  disableAdapters,
  injectLora,
  type LoraConfig,
  loraSummary,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { functionalModel, inputsFor, outputsOf, randomizeAdapter, sequentialModel } from './models.ts';

useDevice();

/** Trained adapters `default` (rank 2, all layers, active) and `second` (rank 1, two layers). */
function twoAdapters() {
  const base = functionalModel();
  const model = injectLora(base, { rank: 2, alpha: 3, bias: 'lora-only' });
  randomizeAdapter(model, 50);
  addAdapter(model, 'second', { rank: 1, alpha: 4, targets: ['middle', 'head'], rslora: true });
  setActiveAdapters(model, ['second']);
  randomizeAdapter(model, 70);
  setActiveAdapters(model, ['default']);
  return { base, model, inputs: inputsFor(base) };
}

test('a new adapter is inactive: it changes neither the outputs nor the trainable weights', () => {
  const base = functionalModel();
  const model = injectLora(base, { rank: 2, alpha: 3 });
  randomizeAdapter(model);
  const before = { outputs: outputsOf(model), trainable: model.trainableWeights.map(({ name }) => name) };
  addAdapter(model, 'second', { rank: 3, alpha: 1, targets: ['shared'], init: 'pissa', bias: 'lora-only' });
  expect(outputsOf(model)).toEqual(before.outputs);
  expect(model.trainableWeights.map(({ name }) => name)).toEqual(before.trainable);
  expect(adapterNames(model)).toEqual(['default', 'second']);
});

test('a loss that throws leaves the model without the new adapter', () => {
  const base = sequentialModel();
  const loss = () => {
    throw new Error('no more batches');
  };
  const { numTensors } = tf.memory();
  expect(() => injectLora(base, { init: 'lora-ga', rank: 1 }, { loss })).toThrow('no more batches');
  expect(tf.memory().numTensors).toBe(numTensors);
  const model = injectLora(base, { rank: 2 });
  expect(() => addAdapter(model, 'second', { init: 'lora-ga', rank: 1 }, { loss })).toThrow(
    'no more batches',
  );
  expect(adapterNames(model)).toEqual(['default']);
});

test('rejects a loss that is not a scalar', () => {
  const config: LoraConfig = { init: 'lora-ga', rank: 1 };
  const inject = (loss: () => unknown) => injectLora(sequentialModel(), config, { loss: loss as never });
  expect(() => inject(() => 3)).toThrow('result of loss: must be a tensor with one value (3)');
  expect(() => inject(() => tf.zeros([2]))).toThrow('result of loss: must be a tensor with one value');
  expect(() => inject(async () => tf.scalar(1))).toThrow('(an object of class Promise)');
});

test('switches between adapters of different ranks and targets', () => {
  const { base, model, inputs } = twoAdapters();
  const first = outputsOf(model, inputs);
  setActiveAdapters(model, ['second']);
  const second = outputsOf(model, inputs);
  expect(largestDifference(first, second)).toBeGreaterThan(1e-2);
  expect(activeAdapters(model)).toEqual(['second']);
  setActiveAdapters(model, []);
  expect(outputsOf(model, inputs)).toEqual(outputsOf(base, inputs));
  setActiveAdapters(model, ['default']);
  expect(outputsOf(model, inputs)).toEqual(first);
});

test('trains the active adapter only', async () => {
  const { model, inputs } = twoAdapters();
  setActiveAdapters(model, ['second']);
  expect(
    loraSummary(model).layers.map(({ adapter, trainableParameters }) => [adapter, trainableParameters > 0]),
  ).toEqual([
    ['default', false],
    ['default', false],
    ['second', true],
    ['default', false],
    ['second', true],
    ['default', false],
  ]);
  const hashOfOthers = () =>
    weightsHash(
      model.weights
        .filter(({ originalName }) => !originalName.includes('/second/'))
        .map((weight) => [weight.originalName, weight.read()] as const),
    );
  const before = hashOfOthers();
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' });
  await model.fit(inputs, [tf.ones([4, 3]), tf.ones([4, 2])], { epochs: 2, verbose: 0 });
  expect(hashOfOthers()).toBe(before);
});

test('adds up the updates of active adapters at their strengths, also when merged', () => {
  const { model, inputs } = twoAdapters();
  setActiveAdapters(model, ['default', 'second']);
  setAdapterStrength(model, 0.5, 'second');
  const both = outputsOf(model, inputs);
  expect(largestDifference(outputsOf(mergeLora(model), inputs), both)).toBeLessThan(1e-5);
  setAdapterStrength(model, 0, 'default');
  setActiveAdapters(model, ['default', 'second']);
  const half = outputsOf(model, inputs);
  setActiveAdapters(model, ['second']);
  expect(outputsOf(model, inputs)).toEqual(half);
  expect(largestDifference(both, half)).toBeGreaterThan(1e-2);
});

test('saving and loading keeps every adapter with its strength and state', async () => {
  const { model, inputs } = twoAdapters();
  setAdapterStrength(model, 0.25, 'second');
  const loaded = await reload(model);
  expect(outputsOf(loaded, inputs)).toEqual(outputsOf(model, inputs));
  expect(activeAdapters(loaded)).toEqual(['default']);
  setActiveAdapters(model, ['second']);
  setActiveAdapters(loaded, ['second']);
  expect(outputsOf(loaded, inputs)).toEqual(outputsOf(model, inputs));
  disableAdapters(model);
  const disabled = await reload(model);
  expect(outputsOf(disabled, inputs)).toEqual(outputsOf(model, inputs));
});

test('deleting an adapter frees its weights and its name', () => {
  const { base, model, inputs } = twoAdapters();
  const first = outputsOf(model, inputs);
  const { numTensors } = tf.memory();
  addWeightedAdapter(model, { name: 'sum', type: 'cat', adapters: [{ name: 'default', weight: 1 }] });
  deleteAdapter(model, 'sum');
  expect(tf.memory().numTensors).toBe(numTensors);
  deleteAdapter(model, 'second');
  expect(outputsOf(model, inputs)).toEqual(first);
  addAdapter(model, 'second', { rank: 2 });
  deleteAdapter(model, 'default');
  expect(outputsOf(model, inputs)).toEqual(outputsOf(base, inputs));
  expect(weightsHash(baseWeights(model))).toBe(weightsHash(baseWeights(base)));
});

test('combines adapters of different ranks, and trained biases, into their weighted sum', () => {
  const { model, inputs } = twoAdapters();
  const adapters = [
    { name: 'default', weight: 0.6 },
    { name: 'second', weight: 0.3 },
  ];
  addWeightedAdapter(model, { name: 'cat', type: 'cat', adapters });
  addWeightedAdapter(model, { name: 'svd', type: 'svd', adapters, rank: 2 });
  setActiveAdapters(model, ['default', 'second']);
  for (const { name, weight } of adapters) setAdapterStrength(model, weight, name);
  const expected = outputsOf(model, inputs);
  setActiveAdapters(model, ['cat']);
  expect(largestDifference(outputsOf(model, inputs), expected)).toBeLessThan(1e-5);
  // The sum has rank 3 where both adapters are, so rank 2 only approximates it.
  setActiveAdapters(model, ['svd']);
  expect(largestDifference(outputsOf(model, inputs), expected)).toBeGreaterThan(1e-4);
});

test.each<[string, (model: tf.LayersModel) => void, RegExp]>([
  [
    'a name that is taken',
    (model) => addAdapter(model, 'second', { rank: 1 }),
    /adapter 'second': already exists/,
  ],
  ['a name with a dot', (model) => addAdapter(model, 'a.b', { rank: 1 }), /adapter name 'a\.b': not allowed/],
  [
    'a method other than the model has',
    (model) => addAdapter(model, 'new', { rank: 1, method: 'weight' }),
    /method 'weight' differs from the model's 'side'/,
  ],
  [
    'activating an unknown adapter',
    (model) => setActiveAdapters(model, ['third']),
    /adapter 'third': not found; the model has default, second/,
  ],
  ['deleting an unknown adapter', (model) => deleteAdapter(model, 'third'), /adapter 'third': not found/],
  ['a strength above 1', (model) => setAdapterStrength(model, 1.5), /strength: must be from 0 to 1 \(1.5\)/],
  [
    'a strength of NaN',
    (model) => setAdapterStrength(model, Number.NaN),
    /strength: must be from 0 to 1 \(NaN\)/,
  ],
  [
    'linear combinations of different ranks',
    (model) =>
      addWeightedAdapter(model, {
        name: 'new',
        type: 'linear',
        adapters: [
          { name: 'default', weight: 1 },
          { name: 'second', weight: 1 },
        ],
      }),
    /layer 'nested\.middle': .* equal ranks \(2, 1\)/,
  ],
  [
    'an unknown type of combination',
    (model) =>
      addWeightedAdapter(model, {
        name: 'new',
        type: 'sum' as 'cat',
        adapters: [{ name: 'default', weight: 1 }],
      }),
    /type: must be one of cat, svd, linear, ties, .* \('sum'\)/,
  ],
  [
    'combining no adapters',
    (model) => addWeightedAdapter(model, { name: 'new', type: 'cat', adapters: [] }),
    /adapter 'new': no adapters to combine/,
  ],
])('rejects %s and changes nothing', (_title, act, message) => {
  const { model } = twoAdapters();
  const before = { names: adapterNames(model), outputs: outputsOf(model), ...tf.memory() };
  expect(() => act(model)).toThrow(UsageError);
  expect(() => act(model)).toThrow(message);
  expect(tf.memory().numTensors).toBe(before.numTensors);
  expect(adapterNames(model)).toEqual(before.names);
  expect(outputsOf(model)).toEqual(before.outputs);
});
