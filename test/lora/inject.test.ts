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
  unloadLora,
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
  sequential,
  sequentialModel,
} from './models.ts';

useDevice();

const MODELS = { sequential: sequentialModel, functional: functionalModel };
const FORMS: Record<string, LoraConfig> = {
  side: { rank: 2, alpha: 3 },
  weight: { rank: 2, alpha: 3, method: 'weight' },
  'weight-view': { rank: 2, alpha: 3, method: 'weight-view' },
  rsLoRA: { rank: 2, alpha: 3, rslora: true },
  'with biases': { rank: 2, alpha: 3, bias: 'all' },
  'with a module to save': { rank: 2, alpha: 3, targets: ['middle'], modulesToSave: /out|head/ },
};
const cases = Object.keys(MODELS).flatMap((model) =>
  Object.keys(FORMS).map((form) => ({ model, form }) as { model: keyof typeof MODELS; form: string }),
);

describe.each(cases)('a $model model adapted as $form', ({ model: name, form }) => {
  const config = FORMS[form]!;

  test('computes the outputs of the base, bit for bit, before it is trained', () => {
    const base = MODELS[name]();
    expect(outputsOf(injectLora(base, config))).toEqual(outputsOf(base));
  });

  test('does not change the base', () => {
    const base = MODELS[name]();
    const before = weightsHash(baseWeights(base));
    const json = base.toJSON();
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    expect(weightsHash(baseWeights(base))).toBe(before);
    expect(weightsHash(baseWeights(adapted))).toBe(before);
    expect(base.toJSON()).toBe(json);
  });

  test('computes the outputs of the base, bit for bit, at strength 0 and while disabled', () => {
    const base = MODELS[name]();
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

  test('merges into a plain model with the same outputs, at every strength', () => {
    const adapted = injectLora(MODELS[name](), config);
    randomizeAdapter(adapted);
    for (const strength of [1, 0.4]) {
      setAdapterStrength(adapted, strength);
      const merged = mergeLora(adapted);
      expect(merged.toJSON()).not.toContain('Lora');
      expect(largestDifference(outputsOf(merged), outputsOf(adapted))).toBeLessThan(1e-5);
      expect(() => mergeLora(merged)).toThrow(UsageError);
    }
  });

  test('unloads to the base, bit for bit', () => {
    const base = MODELS[name]();
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    const unloaded = unloadLora(adapted);
    expect(weightsHash(baseWeights(unloaded))).toBe(weightsHash(baseWeights(base)));
    expect(outputsOf(unloaded)).toEqual(outputsOf(base));
  });

  test('has the same outputs after saving and loading, and continues training alike', async () => {
    const adapted = injectLora(MODELS[name](), config);
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

  test('model.fit changes all weights of the adapter and none of the base', async () => {
    const base = MODELS[name]();
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    const trained = () => adapted.trainableWeights.map((weight) => weight.read().dataSync().slice());
    const before = trained();
    await trainBriefly(adapted);
    trained().forEach((values, index) => {
      expect(values).not.toEqual(before[index]);
    });
    expect(weightsHash(baseWeights(adapted))).toBe(weightsHash(baseWeights(base)));
  });
});

test('trains 3,124 of 238,270 parameters of DigitsNet at rank 2, and 3,518 with biases', () => {
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

test('scales by alpha / rank, or alpha / sqrt(rank), layer by layer', () => {
  const config = { rank: 2, alpha: 3, rankPattern: { middle: 4 }, alphaPattern: { 'h.*n': 10 } };
  const scalings = (model: tf.LayersModel) =>
    Object.fromEntries(loraSummary(model).layers.map((layer) => [layer.path, layer.scaling]));
  expect(scalings(injectLora(sequentialModel(), config))).toEqual({ hidden: 5, middle: 0.75, out: 1.5 });
  const rslora = scalings(injectLora(sequentialModel(), { ...config, rslora: true }));
  expect(rslora.middle).toBe(1.5);
});

test.each<[string, LoraConfig, string[]]>([
  ['all layers by default', {}, ['shared', 'nested.middle', 'head', 'value']],
  ['a list of names or ends of paths', { targets: ['middle', 'head'] }, ['nested.middle', 'head']],
  ['a regular expression for the whole path', { targets: 'nested\\..*|val' }, ['nested.middle']],
  ['all layers but the excluded ones', { exclude: ['middle', 'value'] }, ['shared', 'head']],
  ['all layers from one on', { from: 'nested.middle' }, ['nested.middle', 'head', 'value']],
])('adapts %s', (_title, config, expected) => {
  const adapted = injectLora(functionalModel(), { rank: 2, ...config });
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(expected);
});

test.each<[string, LoraConfig, RegExp]>([
  ['a rank of 0', { rank: 0 }, /rank: must be a whole number of at least 1 \(0\)/],
  [
    'factors too large for a tensor',
    { rank: 2 ** 30, alpha: 1 },
    /layer 'hidden': rank 1073741824 is too large \(6 inputs, 8 outputs; A and B may have 268435456 values each\)/,
  ],
  ['an alpha of 0', { rank: 1, alpha: 0 }, /alpha: must be above 0 and at most 1000000000 \(0\)/],
  ['an alpha beyond float32', { rank: 1, alpha: 1e39 }, /alpha: must be above 0 and at most .* \(1e\+39\)/],
  [
    'targets that match nothing',
    { rank: 1, targets: ['nowhere'] },
    /targets 'nowhere': matches no layer; the model has hidden \(Dense\), middle/,
  ],
  [
    'one of several targets that matches nothing',
    { rank: 1, targets: ['out', 'uot'] },
    /targets 'uot': matches no layer/,
  ],
  [
    'one of several exclusions that matches nothing',
    { rank: 1, exclude: ['out', 'uot'] },
    /exclude 'uot': matches no layer/,
  ],
  [
    'one of several modulesToSave that matches nothing',
    { rank: 1, modulesToSave: ['out', 'uot'] },
    /modulesToSave 'uot': matches no layer/,
  ],
  [
    'targets that are all excluded',
    { rank: 1, targets: ['out'], exclude: ['out'] },
    /targets 'out': matches no layer; 'exclude', 'from' and 'modulesToSave' leave hidden \(Dense\), middle \(Dense\)$/,
  ],
  ['modulesToSave that match nothing', { rank: 1, modulesToSave: ['nowhere'] }, /modulesToSave 'nowhere'/],
  ['exclusions that match nothing', { rank: 1, exclude: ['nowhere'] }, /exclude 'nowhere'/],
  [
    'a rankPattern that matches nothing',
    { rank: 1, rankPattern: { nowhere: 2 } },
    /rankPattern 'nowhere': matches no layer; the adapted layers are hidden/,
  ],
  [
    'an alphaPattern for an excluded layer',
    { rank: 1, exclude: ['out'], alphaPattern: { out: 2 } },
    /alphaPattern 'out': matches no layer; the adapted layers are hidden \(Dense\), middle \(Dense\)$/,
  ],
  ['an unknown first layer', { rank: 1, from: 'nowhere' }, /from 'nowhere'/],
  [
    'an invalid regular expression',
    { rank: 1, targets: '(' },
    /regular expression "\(": unclosed parenthesis/,
  ],
  ['a dropout of 1', { rank: 1, dropout: 1 }, /dropout: must be at least 0 and below 1 \(1\)/],
  [
    'an unknown option',
    { rank: 1, target: ['out'] } as LoraConfig,
    /unknown option 'target'; expected one of rank, alpha, targets,/,
  ],
  ['an unknown method', { rank: 1, method: 'sideways' as 'side' }, /one of side, weight, weight-view/],
  [
    'DoRA with method weight',
    { rank: 1, dora: true, method: 'weight' },
    /method 'weight': does not support DoRA; use 'side'/,
  ],
])('rejects %s', (_title, config, message) => {
  const model = sequentialModel();
  const { numTensors } = tf.memory();
  expect(() => injectLora(model, config)).toThrow(UsageError);
  expect(() => injectLora(model, config)).toThrow(message);
  expect(tf.memory().numTensors).toBe(numTensors);
});

test('rejects a layer that cannot be adapted', () => {
  const model = sequential(
    tf.layers.batchNormalization({ name: 'norm', inputShape: [3] }),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  expect(() => injectLora(model, { rank: 1, targets: ['norm'] })).toThrow(
    /layer 'norm' \(BatchNormalization\): does not support method 'side' by default; supported are Dense, /,
  );
  expect(loraLayers(injectLora(model, { rank: 1 })).map(({ path }) => path)).toEqual(['out']);
});

test('equal seeds draw equal A, different seeds different A', () => {
  const drawA = (seed: number) =>
    loraLayers(injectLora(sequentialModel(), { rank: 2, seed })).flatMap(({ layer }) => [
      ...layer.adapters.get('default')!.updates.get('kernel')!.a.read().dataSync(),
    ]);
  expect(drawA(1)).toEqual(drawA(1));
  expect(drawA(1)).not.toEqual(drawA(2));
});

test('leaks no tensors in predictions, training, merging and disposing', async () => {
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
