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
  loraSummary,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { functionalModel, inputsFor, outputsOf, randomizeAdapter, randomizeWeights } from './models.ts';

useDevice();

/** Adapters `default` (rank 2, all layers) and `other` (rank 1, two layers), both trained, `default` active. */
function twoAdapters() {
  const base = functionalModel();
  randomizeWeights(base);
  const model = injectLora(base, { rank: 2, alpha: 3, bias: 'lora-only' });
  randomizeAdapter(model, 50);
  addAdapter(model, 'other', { rank: 1, alpha: 4, targets: ['middle', 'head'], rslora: true });
  setActiveAdapters(model, ['other']);
  randomizeAdapter(model, 70);
  setActiveAdapters(model, ['default']);
  return { base, model, inputs: inputsFor(base) };
}

test('a new adapter rests: it changes neither outputs nor what trains', () => {
  const base = functionalModel();
  const model = injectLora(base, { rank: 2, alpha: 3 });
  randomizeAdapter(model);
  const before = { outputs: outputsOf(model), trainable: model.trainableWeights.map(({ name }) => name) };
  addAdapter(model, 'other', { rank: 3, alpha: 1, targets: ['shared'], init: 'pissa', bias: 'lora-only' });
  expect(outputsOf(model)).toEqual(before.outputs);
  expect(model.trainableWeights.map(({ name }) => name)).toEqual(before.trainable);
  expect(adapterNames(model)).toEqual(['default', 'other']);
});

test('swaps adapters of other ranks and targets without rebuilding', () => {
  const { base, model, inputs } = twoAdapters();
  const first = outputsOf(model, inputs);
  setActiveAdapters(model, ['other']);
  const second = outputsOf(model, inputs);
  expect(largestDifference(first, second)).toBeGreaterThan(1e-2);
  expect(activeAdapters(model)).toEqual(['other']);
  setActiveAdapters(model, []);
  expect(outputsOf(model, inputs)).toEqual(outputsOf(base, inputs));
  setActiveAdapters(model, ['default']);
  expect(outputsOf(model, inputs)).toEqual(first);
});

test('trains the active adapter and no other', async () => {
  const { model, inputs } = twoAdapters();
  setActiveAdapters(model, ['other']);
  expect(
    loraSummary(model).layers.map(({ adapter, trainableParameters }) => [adapter, trainableParameters > 0]),
  ).toEqual([
    ['default', false],
    ['default', false],
    ['other', true],
    ['default', false],
    ['other', true],
    ['default', false],
  ]);
  const others = () => model.weights.filter(({ originalName }) => !originalName.includes('/other/'));
  const hash = () => weightsHash(others().map((weight) => [weight.originalName, weight.read()] as const));
  const before = hash();
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' });
  await model.fit(inputs, [tf.ones([4, 3]), tf.ones([4, 2])], { epochs: 2, verbose: 0 });
  expect(hash()).toBe(before);
});

test('adds up the effects of active adapters, each at its strength, also when merged', () => {
  const { model, inputs } = twoAdapters();
  setActiveAdapters(model, ['default', 'other']);
  setAdapterStrength(model, 0.5, 'other');
  const both = outputsOf(model, inputs);
  expect(largestDifference(outputsOf(mergeLora(model), inputs), both)).toBeLessThan(1e-5);
  setAdapterStrength(model, 0, 'default');
  setActiveAdapters(model, ['default', 'other']);
  const half = outputsOf(model, inputs);
  setActiveAdapters(model, ['other']);
  expect(outputsOf(model, inputs)).toEqual(half);
  expect(largestDifference(both, half)).toBeGreaterThan(1e-2);
});

test('saves and loads every adapter with its strength and state', async () => {
  const { model, inputs } = twoAdapters();
  setAdapterStrength(model, 0.25, 'other');
  const loaded = await reload(model);
  expect(outputsOf(loaded, inputs)).toEqual(outputsOf(model, inputs));
  expect(activeAdapters(loaded)).toEqual(['default']);
  for (const one of [model, loaded]) setActiveAdapters(one, ['other']);
  expect(outputsOf(loaded, inputs)).toEqual(outputsOf(model, inputs));
  disableAdapters(model);
  const off = await reload(model);
  expect(outputsOf(off, inputs)).toEqual(outputsOf(model, inputs));
});

test('deletes an adapter with its weights, after which the name is free', () => {
  const { base, model, inputs } = twoAdapters();
  const first = outputsOf(model, inputs);
  const { numTensors } = tf.memory();
  addWeightedAdapter(model, { name: 'sum', type: 'cat', adapters: [{ name: 'default', weight: 1 }] });
  deleteAdapter(model, 'sum');
  expect(tf.memory().numTensors).toBe(numTensors);
  deleteAdapter(model, 'other');
  expect(outputsOf(model, inputs)).toEqual(first);
  addAdapter(model, 'other', { rank: 2 });
  deleteAdapter(model, 'default');
  expect(outputsOf(model, inputs)).toEqual(outputsOf(base, inputs));
  expect(weightsHash(baseWeights(model))).toBe(weightsHash(baseWeights(base)));
});

test('combines adapters of different ranks and trained biases into their weighted sum', () => {
  const { model, inputs } = twoAdapters();
  const adapters = [
    { name: 'default', weight: 0.6 },
    { name: 'other', weight: 0.3 },
  ];
  addWeightedAdapter(model, { name: 'cat', type: 'cat', adapters });
  addWeightedAdapter(model, { name: 'svd', type: 'svd', adapters, rank: 2 });
  setActiveAdapters(model, ['default', 'other']);
  for (const { name, weight } of adapters) setAdapterStrength(model, weight, name);
  const expected = outputsOf(model, inputs);
  setActiveAdapters(model, ['cat']);
  expect(largestDifference(outputsOf(model, inputs), expected)).toBeLessThan(1e-5);
  setActiveAdapters(model, ['svd']);
  expect(largestDifference(outputsOf(model, inputs), expected)).toBeGreaterThan(1e-4);
});

test.each<[string, (model: tf.LayersModel) => void, RegExp]>([
  [
    'a name that is taken',
    (model) => addAdapter(model, 'other', { rank: 1 }),
    /adapter 'other': already exists/,
  ],
  ['a name with a dot', (model) => addAdapter(model, 'a.b', { rank: 1 }), /adapter name 'a\.b': not allowed/],
  [
    'another method',
    (model) => addAdapter(model, 'new', { rank: 1, method: 'weight' }),
    /method 'weight' differs from the model's 'side'/,
  ],
  [
    'an unknown adapter',
    (model) => setActiveAdapters(model, ['none']),
    /adapter 'none': not found; the model has default, other/,
  ],
  ['to delete an unknown adapter', (model) => deleteAdapter(model, 'none'), /adapter 'none': not found/],
  ['a strength above 1', (model) => setAdapterStrength(model, 1.5), /strength: must be from 0 to 1 \(1.5\)/],
  [
    'a strength that is no number',
    (model) => setAdapterStrength(model, Number.NaN),
    /strength: must be from 0 to 1 \(NaN\)/,
  ],
  [
    'linear sums of different ranks',
    (model) =>
      addWeightedAdapter(model, {
        name: 'new',
        type: 'linear',
        adapters: [
          { name: 'default', weight: 1 },
          { name: 'other', weight: 1 },
        ],
      }),
    /layer 'nested\.middle': .* equal ranks \(2, 1\)/,
  ],
  [
    'a way to combine that does not exist',
    (model) =>
      addWeightedAdapter(model, {
        name: 'new',
        type: 'sum' as 'cat',
        adapters: [{ name: 'default', weight: 1 }],
      }),
    /type: must be one of cat, svd, linear \('sum'\)/,
  ],
  [
    'no adapters to combine',
    (model) => addWeightedAdapter(model, { name: 'new', type: 'cat', adapters: [] }),
    /no adapters/,
  ],
])('refuses %s and changes nothing', (_title, act, message) => {
  const { model } = twoAdapters();
  const before = { names: adapterNames(model), tensors: tf.memory().numTensors, outputs: outputsOf(model) };
  expect(() => act(model)).toThrow(UsageError);
  expect(() => act(model)).toThrow(message);
  expect(adapterNames(model)).toEqual(before.names);
  expect(outputsOf(model)).toEqual(before.outputs);
});
