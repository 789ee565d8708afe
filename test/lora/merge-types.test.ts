import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/errors.ts';
import { type CombinationType, combineFactors } from '../../src/lora/combine-factors.ts';
import {
  type AddWeightedAdapterOptions,
  adapterNames,
  addAdapter,
  addWeightedAdapter,
  injectLora,
  mergeLora,
  readAdapter,
  setActiveAdapters,
} from '../../src/lora/index.ts';
import { matrixOf, valuesOf } from '../../src/lora/math/linear-algebra.ts';
import type { MajoritySignMethod } from '../../src/lora/merge-tensors.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  inputsFor,
  layerAt,
  onlyUpdate,
  outputsOf,
  randomizeAdapter,
  sequential,
  sequentialModel,
} from './models.ts';
import { peftTensors, put } from './peft-tensors.ts';

useDevice();

interface MergeCase {
  readonly type: CombinationType;
  readonly majority_sign_method: MajoritySignMethod;
  /** Number of random masks that PEFT drew. */
  readonly masks: number;
}

let tensors: ReadonlyMap<string, tf.Tensor>;
let cases: [string, MergeCase][];

beforeAll(async () => {
  tensors = await peftTensors();
  const all = JSON.parse(await readFile('test/fixtures/lora/cases.json', 'utf8'));
  cases = Object.entries<MergeCase>(all).filter(([name]) => name.startsWith('merge.'));
});

const at = (name: string) => tensors.get(name)!;

/** The adapters that PEFT merged, with their alphas at rank 2. */
const ADAPTERS = [
  { name: 'default', weight: 0.7, alpha: 3 },
  { name: 'second', weight: 0.4, alpha: 5 },
  { name: 'third', weight: -0.5, alpha: 4 },
];
const DENSITY = 0.6;

/** A dense layer with the adapters that PEFT merged. */
function adaptedLayer(): tf.LayersModel {
  const model = injectLora(sequential(tf.layers.dense({ name: 'it', inputShape: [6], units: 5 })), {
    rank: 2,
    alpha: 3,
  });
  for (const { name, alpha } of ADAPTERS.slice(1)) addAdapter(model, name, { rank: 2, alpha });
  for (const { name } of ADAPTERS) {
    const { a, b } = onlyUpdate(layerAt(model, 'it'), name);
    put(a, at(`merge.${name}.lora_A`).transpose());
    put(b, at(`merge.${name}.lora_B`).transpose());
  }
  return model;
}

test('TIES and magnitude pruning have the updates of PEFT', () => {
  const deterministic = cases.filter(([, { masks }]) => masks === 0);
  expect(deterministic.map(([, { type }]) => type)).toEqual([
    'magnitude_prune_svd',
    'magnitude_prune',
    'ties',
    'ties_svd',
    'ties_svd',
    'ties',
  ]);
  for (const [name, { type, majority_sign_method: method }] of deterministic) {
    const model = adaptedLayer();
    addWeightedAdapter(model, {
      name: 'merged',
      type,
      adapters: ADAPTERS,
      density: DENSITY,
      ...(type.startsWith('ties') && { majoritySignMethod: method }),
    });
    const layer = layerAt(model, 'it');
    const expected = at(`${name}.update`).transpose();
    setActiveAdapters(model, ['merged']);
    const update = tf.sub(layer.mergedWeight('kernel'), layer.baseWeights.get('kernel')!.read());
    expect(largestDifference(update.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
    expect(Math.max(...expected.dataSync())).toBeGreaterThan(0.05);
  }
});

test('DARE has the updates of PEFT for the same random masks', () => {
  const random = cases.filter(([, { masks }]) => masks > 0);
  expect(random).toHaveLength(6);
  const updates = ADAPTERS.map(({ name, weight, alpha }) => ({
    a: matrixOf(at(`merge.${name}.lora_A`).transpose().dataSync(), 6, 2),
    b: matrixOf(at(`merge.${name}.lora_B`).transpose().dataSync(), 2, 5),
    scaling: alpha / 2,
    weight,
  }));
  for (const [name, { type, majority_sign_method: majoritySignMethod, masks }] of random) {
    const kept = Array.from({ length: masks }, (_, index) => [
      ...at(`${name}.mask${index}`).transpose().dataSync(),
    ]).flat();
    const uniform = () => 1 - kept.shift()!; // below the density if the mask is 1
    const settings = { density: DENSITY, majoritySignMethod, random: { uniform } as never };
    const { a, b } = combineFactors(updates, type, 2, settings);
    const expected = at(`${name}.update`).transpose();
    expect(kept).toEqual([]);
    expect(largestDifference(valuesOf(a.mmul(b)), expected.dataSync())).toBeLessThan(1e-5);
  }
});

/** Dense layers with two adapters of equal ranks, B other than zero. */
function twoAdapters(): tf.LayersModel {
  const model = injectLora(sequentialModel(), { rank: 2, alpha: 3 }, { adapter: 'north' });
  addAdapter(model, 'south', { rank: 2, alpha: 5, targets: ['hidden', 'out'] });
  setActiveAdapters(model, ['north', 'south']);
  randomizeAdapter(model);
  return model;
}

const BOTH = [
  { name: 'north', weight: 0.8 },
  { name: 'south', weight: -0.4 },
];

/** Outputs of the combination of both adapters with these options. */
function combinedOutputs(model: tf.LayersModel, name: string, options: Partial<AddWeightedAdapterOptions>) {
  addWeightedAdapter(model, { name, type: 'cat', adapters: BOTH, ...options });
  setActiveAdapters(model, [name]);
  return outputsOf(model);
}

test('keeps the same values for the same seed', () => {
  const model = twoAdapters();
  const options = { type: 'dare_linear', density: 0.5 } as const;
  const first = combinedOutputs(model, 'first', { ...options, seed: 1 });
  expect(combinedOutputs(model, 'again', { ...options, seed: 1 })).toEqual(first);
  expect(combinedOutputs(model, 'other', { ...options, seed: 2 })).not.toEqual(first);
  const { values } = readAdapter(layerAt(model, 'hidden'), 'first').get('lora_A')!;
  const zeros = values.filter((value) => value === 0).length;
  expect(zeros).toBeGreaterThan(0);
  expect(zeros).toBeLessThan(values.length);
});

test('at density 1, merges without signs are the sum of updates', () => {
  const model = twoAdapters();
  const linear = combinedOutputs(model, 'linear', { type: 'linear' });
  expect(combinedOutputs(model, 'pruned', { type: 'magnitude_prune', density: 1 })).toEqual(linear);
  expect(combinedOutputs(model, 'dare', { type: 'dare_linear', density: 1 })).toEqual(linear);
  const sum = combinedOutputs(model, 'cat', { type: 'cat' });
  const product = combinedOutputs(model, 'svd', { type: 'dare_linear_svd', density: 1, rank: 5 });
  expect(largestDifference(product, sum)).toBeLessThan(1e-5);
});

test('merges adapters of different ranks by their updates, and keeps the result after reloading', async () => {
  const model = twoAdapters();
  addAdapter(model, 'wide', { rank: 3, alpha: 2 });
  setActiveAdapters(model, ['wide']);
  randomizeAdapter(model, 40);
  const adapters = [...BOTH, { name: 'wide', weight: 0.5 }];
  const outputs = combinedOutputs(model, 'merged', { type: 'ties_svd', adapters, density: 0.5 });
  expect(layerAt(model, 'hidden').adapters.get('merged')!.settings).toMatchObject({ rank: 3, alpha: 3 });
  expect(outputsOf(await reload(model), inputsFor(model))).toEqual(outputs);
  randomizeAdapter(model, 60); // as further training changes it
  const trained = outputsOf(model);
  expect(trained).not.toEqual(outputs);
  expect(largestDifference(outputsOf(mergeLora(model)), trained)).toBeLessThan(1e-5);
});

test.each<[string, Partial<AddWeightedAdapterOptions>, RegExp]>([
  ['no density', { type: 'ties' }, /density: type 'ties' needs the fraction.*\(undefined\)/],
  ['a density of 0', { type: 'dare_ties', density: 0 }, /density: .*above 0 and at most 1 \(0\)/],
  ['a density above 1', { type: 'ties_svd', density: 1.1 }, /density: .*\(1.1\)/],
  ['a density for a sum', { type: 'cat', density: 0.5 }, /density: not used by type 'cat'; leave it out/],
  [
    'an unknown option',
    { type: 'ties', density: 0.5, majoritySign: 'total' } as never,
    /options: unknown option 'majoritySign'; expected one of name, adapters, type, rank, density, majoritySignMethod, seed/,
  ],
  [
    'an unknown majority',
    { type: 'ties', density: 0.5, majoritySignMethod: 'vote' as never },
    /majoritySignMethod: must be one of total, frequency \('vote'\)/,
  ],
  [
    'a majority without signs',
    { type: 'dare_linear', density: 0.5, majoritySignMethod: 'total' },
    /majoritySignMethod: not used by type 'dare_linear'/,
  ],
  ['a seed without random numbers', { type: 'ties', density: 0.5, seed: 1 }, /seed: not used by type 'ties'/],
  ['a fraction as seed', { type: 'dare_ties', density: 0.5, seed: 0.5 }, /seed: must be a whole number/],
  ['a rank of factors', { type: 'ties', density: 0.5, rank: 2 }, /rank: type 'ties' determines it/],
])('rejects %s and changes nothing', (_title, options, message) => {
  const model = twoAdapters();
  const { numTensors } = tf.memory();
  const act = () => addWeightedAdapter(model, { name: 'merged', type: 'cat', adapters: BOTH, ...options });
  expect(act).toThrow(UsageError);
  expect(act).toThrow(message);
  expect(adapterNames(model)).toEqual(['north', 'south']);
  expect(tf.memory().numTensors).toBe(numTensors);
});

test('rejects merging factors of different ranks, and adapters that contain NaN', () => {
  const model = twoAdapters();
  addAdapter(model, 'wide', { rank: 3 });
  const adapters = [...BOTH, { name: 'wide', weight: 0.5 }];
  expect(() => addWeightedAdapter(model, { name: 'merged', type: 'ties', adapters, density: 0.5 })).toThrow(
    /layer 'hidden': type 'ties' needs adapters of equal ranks \(2, 3\); use 'cat' or a type with 'svd'/,
  );
  put(onlyUpdate(layerAt(model, 'out'), 'south').b, tf.fill([2, 3], Number.NaN));
  const act = () =>
    addWeightedAdapter(model, { name: 'merged', type: 'ties_svd', adapters: BOTH, density: 0.5 });
  expect(act).toThrow(CheckpointError);
  expect(act).toThrow(/adapter 'south' of layer 'out': lora_B contains NaN or Inf/);
  expect(adapterNames(model)).toEqual(['north', 'south', 'wide']);
});
