import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { UsageError } from '../../src/errors.ts';
import {
  baseWeights,
  disableAdapters,
  enableAdapters,
  injectLora,
  type LoraConfig,
  loraLayers,
  loraSummary,
  mergeLora,
  setAdapterStrength,
  unmergeLora,
} from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  functionalModel,
  inputsFor,
  outputsOf,
  randomizeAdapter,
  randomizeWeights,
  sequentialModel,
} from './models.ts';

useDevice();

const MODELS = { sequential: sequentialModel, functional: functionalModel };
const FORMS: Record<string, LoraConfig> = {
  side: { rank: 2, alpha: 3 },
  weight: { rank: 2, alpha: 3, method: 'weight' },
  'weight-view': { rank: 2, alpha: 3, method: 'weight-view' },
  'rank-stabilised': { rank: 2, alpha: 3, rslora: true },
  'with biases': { rank: 2, alpha: 3, bias: 'all' },
  'a whole layer besides': { rank: 2, alpha: 3, targets: ['middle'], modulesToSave: /out|head/ },
};
const cases = Object.keys(MODELS).flatMap((model) =>
  Object.keys(FORMS).map((form) => ({ model, form }) as { model: keyof typeof MODELS; form: string }),
);

function build(name: keyof typeof MODELS): tf.LayersModel {
  const model = MODELS[name]();
  randomizeWeights(model);
  return model;
}

describe.each(cases)('a $model model adapted as $form', ({ model: name, form }) => {
  const config = FORMS[form]!;

  test('gives the base its outputs, bit for bit, before it is trained', () => {
    const base = build(name);
    expect(outputsOf(injectLora(base, config))).toEqual(outputsOf(base));
  });

  test('leaves the base as it was', () => {
    const base = build(name);
    const before = weightsHash(baseWeights(base));
    const json = base.toJSON();
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    expect(weightsHash(baseWeights(base))).toBe(before);
    expect(weightsHash(baseWeights(adapted))).toBe(before);
    expect(base.toJSON()).toBe(json);
  });

  test('is the base, bit for bit, at strength 0 and while disabled, and comes back', () => {
    const base = build(name);
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    const trained = outputsOf(adapted);
    expect(largestDifference(trained, outputsOf(base))).toBeGreaterThan(1e-3);
    setAdapterStrength(adapted, 0);
    expect(outputsOf(adapted)).toEqual(outputsOf(base));
    setAdapterStrength(adapted, 1);
    expect(outputsOf(adapted)).toEqual(trained);
    disableAdapters(adapted);
    expect(outputsOf(adapted)).toEqual(outputsOf(base));
    enableAdapters(adapted);
    expect(outputsOf(adapted)).toEqual(trained);
  });

  test('merges into a plain model with the same outputs, at any strength', () => {
    const adapted = injectLora(build(name), config);
    randomizeAdapter(adapted);
    for (const strength of [1, 0.4]) {
      setAdapterStrength(adapted, strength);
      const merged = mergeLora(adapted);
      expect(merged.toJSON()).not.toContain('Lora');
      expect(largestDifference(outputsOf(merged), outputsOf(adapted))).toBeLessThan(1e-5);
      expect(() => mergeLora(merged)).toThrow(UsageError);
    }
  });

  test('gives the base back, bit for bit', () => {
    const base = build(name);
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    const back = unmergeLora(adapted);
    expect(weightsHash(baseWeights(back))).toBe(weightsHash(baseWeights(base)));
    expect(outputsOf(back)).toEqual(outputsOf(base));
  });

  test('is the same after saving and loading, and trains on from there', async () => {
    const adapted = injectLora(build(name), config);
    randomizeAdapter(adapted);
    setAdapterStrength(adapted, 0.7);
    const loaded = await reload(adapted);
    expect(outputsOf(loaded)).toEqual(outputsOf(adapted));
    expect(names(loaded.trainableWeights)).toEqual(names(adapted.trainableWeights));
    const before = weightsHash(baseWeights(loaded));
    await trainBriefly(loaded);
    await trainBriefly(adapted);
    expect(weightsHash(baseWeights(loaded))).toBe(before);
    expect(outputsOf(loaded)).toEqual(outputsOf(adapted));
    expect(largestDifference(outputsOf(mergeLora(loaded)), outputsOf(loaded))).toBeLessThan(1e-5);
  });

  test('moves its own weights and no other in model.fit', async () => {
    const base = build(name);
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    const own = () => adapted.trainableWeights.map((weight) => weight.read().dataSync().slice());
    const before = own();
    await trainBriefly(adapted);
    own().forEach((values, index) => {
      expect(values).not.toEqual(before[index]);
    });
    expect(weightsHash(baseWeights(adapted))).toBe(weightsHash(baseWeights(base)));
  });
});

test('trains 3,124 of 238,270 values of DigitsNet at rank 2, and 3,518 with biases', () => {
  const base = createDigitsNet();
  const plain = loraSummary(injectLora(base, { rank: 2, alpha: 1 }));
  expect(plain).toMatchObject({
    baseParameters: 235_146,
    trainableParameters: 3_124,
    totalParameters: 238_270,
  });
  expect(plain.shareOfTotal).toBeCloseTo(0.0131, 4);
  expect(plain.shareOfBase).toBeCloseTo(0.0133, 4);
  const adapted = injectLora(base, { rank: 2, alpha: 1 });
  expect(adapted.countParams()).toBe(238_270);
  const biased = loraSummary(injectLora(base, { rank: 2, alpha: 1, bias: 'all' }));
  expect(biased).toMatchObject({ trainableParameters: 3_518, totalParameters: 238_270 });
});

test('scales by alpha over rank, or over its root, layer by layer', () => {
  const config = { rank: 2, alpha: 3, rankPattern: { middle: 4 }, alphaPattern: { 'h.*n': 10 } };
  const scalings = (model: tf.LayersModel) =>
    Object.fromEntries(loraSummary(model).layers.map((layer) => [layer.path, layer.scaling]));
  expect(scalings(injectLora(sequentialModel(), config))).toEqual({ hidden: 5, middle: 0.75, out: 1.5 });
  const stabilised = scalings(injectLora(sequentialModel(), { ...config, rslora: true }));
  expect(stabilised.middle).toBe(1.5);
});

test.each<[string, LoraConfig, string[]]>([
  ['all layers by default', {}, ['shared', 'nested.middle', 'head', 'value']],
  ['a list by name or dotted suffix', { targets: ['middle', 'head'] }, ['nested.middle', 'head']],
  ['a regular expression of the whole path', { targets: 'nested\\..*|val' }, ['nested.middle']],
  ['all but the excluded', { exclude: ['middle', 'value'] }, ['shared', 'head']],
  ['none before a given layer', { from: 'nested.middle' }, ['nested.middle', 'head', 'value']],
])('takes %s', (_title, config, expected) => {
  const adapted = injectLora(functionalModel(), { rank: 2, ...config });
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(expected);
});

test.each<[string, LoraConfig, RegExp]>([
  ['a rank of 0', { rank: 0 }, /rank: must be a whole number of at least 1 \(0\)/],
  [
    'a rank above a layer',
    { rank: 4 },
    /layer 'out': rank 4 is too large \(7 inputs, 3 outputs\); set a rank of at most 3/,
  ],
  [
    'a pattern of a rank above a layer',
    { rank: 1, rankPattern: { out: 9 } },
    /layer 'out': rank 9 is too large/,
  ],
  ['alpha of 0', { rank: 1, alpha: 0 }, /alpha: must be above 0 \(0\)/],
  [
    'targets that match nothing',
    { rank: 1, targets: ['nowhere'] },
    /targets 'nowhere': matches no layer; the model has hidden \(Dense\), middle/,
  ],
  [
    'a target of several that matches nothing',
    { rank: 1, targets: ['out', 'uot'] },
    /targets 'uot': matches no layer/,
  ],
  ['an exclusion of several', { rank: 1, exclude: ['out', 'uot'] }, /exclude 'uot': matches no layer/],
  [
    'a module of several',
    { rank: 1, modulesToSave: ['out', 'uot'] },
    /modulesToSave 'uot': matches no layer/,
  ],
  [
    'targets that are excluded',
    { rank: 1, targets: ['out'], exclude: ['out'] },
    /targets 'out': matches no layer; 'exclude', 'from' and 'modulesToSave' leave hidden \(Dense\), middle \(Dense\)$/,
  ],
  ['modules that match nothing', { rank: 1, modulesToSave: ['nowhere'] }, /modulesToSave 'nowhere'/],
  ['exclusions that match nothing', { rank: 1, exclude: ['nowhere'] }, /exclude 'nowhere'/],
  [
    'a rank for no layer',
    { rank: 1, rankPattern: { nowhere: 2 } },
    /rankPattern 'nowhere': matches no layer; the adapted layers are hidden/,
  ],
  [
    'an alpha for a layer left out',
    { rank: 1, exclude: ['out'], alphaPattern: { out: 2 } },
    /alphaPattern 'out': matches no layer; the adapted layers are hidden \(Dense\), middle \(Dense\)$/,
  ],
  ['a start that does not exist', { rank: 1, from: 'nowhere' }, /from 'nowhere'/],
  ['a broken regular expression', { rank: 1, targets: '(' }, /not a regular expression/],
  ['dropout of 1', { rank: 1, dropout: 1 }, /dropout: must be at least 0 and below 1 \(1\)/],
  [
    'an option that does not exist',
    { rank: 1, target: ['out'] } as LoraConfig,
    /unknown option 'target'; the options are rank, alpha, targets,/,
  ],
  ['an unknown method', { rank: 1, method: 'sideways' as 'side' }, /one of side, weight, weight-view/],
  [
    'DoRA in the kernel',
    { rank: 1, dora: true, method: 'weight' },
    /method 'weight': does not support DoRA; use 'side'/,
  ],
])('refuses %s and names the value', (_title, config, message) => {
  const model = sequentialModel();
  const { numTensors } = tf.memory();
  expect(() => injectLora(model, config)).toThrow(UsageError);
  expect(() => injectLora(model, config)).toThrow(message);
  expect(tf.memory().numTensors).toBe(numTensors);
});

test('refuses a layer that has no adapter, by name and kind', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.lstm({ name: 'memory', inputShape: [3, 2], units: 4 }),
      tf.layers.dense({ name: 'out', units: 2 }),
    ],
  });
  expect(() => injectLora(model, { rank: 1, targets: ['memory'] })).toThrow(
    /layer 'memory' \(LSTM\): does not support method 'side'/,
  );
  expect(loraLayers(injectLora(model, { rank: 1 })).map(({ path }) => path)).toEqual(['out']);
});

test('draws the same A from the same seed and another from another', () => {
  const a = (seed: number) =>
    loraLayers(injectLora(sequentialModel(), { rank: 2, seed })).flatMap(({ layer }) => [
      ...layer.adapters.get('default')!.a!.read().dataSync(),
    ]);
  expect(a(1)).toEqual(a(1));
  expect(a(1)).not.toEqual(a(2));
});

test('keeps the number of tensors steady over predictions, training, merging and disposing', async () => {
  const base = sequentialModel();
  const inputs = inputsFor(base);
  const round = async () => {
    const adapted = injectLora(base, { rank: 2, alpha: 3, bias: 'all' });
    outputsOf(adapted, inputs);
    await trainBriefly(adapted);
    adapted.optimizer.dispose();
    setAdapterStrength(adapted, 0.5);
    const merged = mergeLora(adapted);
    merged.dispose();
    adapted.dispose();
  };
  await round();
  const { numTensors } = tf.memory();
  await round();
  expect(tf.memory().numTensors).toBe(numTensors);
});

const names = (weights: tf.LayerVariable[]) => weights.map((weight) => weight.originalName);

async function trainBriefly(model: tf.LayersModel): Promise<void> {
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' });
  const inputs = inputsFor(model, 20);
  const targets = model.outputs.map(({ shape }, index) =>
    tf.fill([4, ...(shape.slice(1) as number[])], index + 0.5),
  );
  await model.fit(inputs, targets, { epochs: 3, shuffle: false, verbose: 0 });
  tf.dispose([inputs, targets]);
}
