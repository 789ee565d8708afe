import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { injectLora as injectIntoAny } from '../../src/graph-models/index.ts';
import {
  activeAdapters,
  addAdapter,
  disableAdapters,
  enableAdapters,
  injectLora,
  type LoraConfig,
  predictWithAdapters,
  setActiveAdapters,
} from '../../src/lora/index.ts';
import { imageTwins } from '../graph-models/twins.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { functionalModel, inputsFor, randomizeAdapter, randomTensor, sequential } from './models.ts';

useDevice();

const NAMES = ['south', '__base__', 'north', 'south'];

/** Adds adapters `north` and `south` with B other than zero; `north` is active. */
function withAdapters(base: tf.LayersModel, config: LoraConfig = {}): tf.LayersModel {
  const model = injectLora(base, { rank: 2, alpha: 3, ...config }, { adapter: 'north' });
  addAdapter(model, 'south', { rank: 1, alpha: 4, ...config });
  for (const [key, name] of ['south', 'north'].entries()) {
    setActiveAdapters(model, [name]);
    randomizeAdapter(model, 100 + 50 * key);
  }
  return model;
}

/** The outputs for single rows, each computed alone with its adapter. */
function oneByOne(model: tf.LayersModel, inputs: tf.Tensor[], names: readonly string[]): number[][] {
  const before = activeAdapters(model);
  const rows = names.map((name, row) => {
    setActiveAdapters(model, name === '__base__' ? [] : [name]);
    const outputs = model.predict(inputs.map((x) => tf.slice(x, row, 1))) as tf.Tensor | tf.Tensor[];
    return [outputs].flat().map((output) => [...output.dataSync()]);
  });
  setActiveAdapters(model, before);
  return rows[0]!.map((_, output) => rows.flatMap((row) => row[output]!));
}

/** Images through a convolution and a depthwise one, and tokens through an embedding, to one dense layer. */
function mixedModel(): tf.LayersModel {
  const image = tf.input({ shape: [5, 5, 2], name: 'image' });
  const tokens = tf.input({ shape: [3], name: 'tokens', dtype: 'int32' });
  const conv = tf.layers.conv2d({ name: 'conv', filters: 3, kernelSize: 2, activation: 'relu' }).apply(image);
  const depthwise = tf.layers.depthwiseConv2d({ name: 'depthwise', kernelSize: 2 }).apply(conv);
  const embedded = tf.layers.embedding({ name: 'embedding', inputDim: 6, outputDim: 4 }).apply(tokens);
  const flat = [depthwise, embedded].map((x) => tf.layers.flatten().apply(x) as tf.SymbolicTensor);
  const joined = tf.layers.concatenate().apply(flat);
  const out = tf.layers.dense({ name: 'out', units: 3 }).apply(joined) as tf.SymbolicTensor;
  const model = tf.model({ inputs: [image, tokens], outputs: out });
  model.setWeights(
    model.getWeights().map((weight, index) => tf.mul(randomTensor(weight.shape, 20 + index), 0.4)),
  );
  return model;
}

const mixedInputs = () => [
  randomTensor([4, 5, 5, 2]),
  tf.tensor2d([0, 1, 2, 3, 4, 5, 2, 2, 0, 5, 1, 3], [4, 3], 'int32'),
];

test.each<[string, LoraConfig]>([
  ['method side', {}],
  ['method weight', { method: 'weight' }],
  ['DoRA', { dora: true }],
  ['trained biases', { bias: 'all' }],
  ['layers trained in full', { targets: ['out'], modulesToSave: ['conv'] }],
])('%s: each example has the outputs that it has alone with its adapter', (_title, config) => {
  const model = withAdapters(mixedModel(), config);
  const inputs = mixedInputs();
  const [expected] = oneByOne(model, inputs, NAMES);
  const { numTensors } = tf.memory();
  const outputs = predictWithAdapters(model, inputs, NAMES) as tf.Tensor;
  expect(tf.memory().numTensors).toBe(numTensors + 1);
  expect(outputs.shape).toEqual([4, 3]);
  expect(largestDifference(outputs.dataSync(), expected!)).toBeLessThan(1e-5);
  const sameRow = oneByOne(model, inputs, ['north', 'north', 'south', '__base__'])[0]!;
  expect(largestDifference(expected!, sameRow)).toBeGreaterThan(1e-2);
  expect(activeAdapters(model)).toEqual(['north']);
});

test('several inputs and outputs, by position and by name', () => {
  const model = withAdapters(functionalModel());
  const inputs = inputsFor(model);
  const expected = oneByOne(model, inputs, NAMES);
  const named = Object.fromEntries(model.inputNames.map((name, index) => [name, inputs[index]!]));
  for (const given of [inputs, named]) {
    const outputs = predictWithAdapters(model, given, NAMES) as tf.Tensor[];
    expect(outputs.map(({ shape }) => shape)).toEqual([
      [4, 3],
      [4, 2],
    ]);
    for (const [index, output] of outputs.entries())
      expect(largestDifference(output.dataSync(), expected[index]!)).toBeLessThan(1e-5);
  }
});

test('one adapter for all examples gives the outputs of predict, bit for bit', () => {
  const model = withAdapters(mixedModel());
  const inputs = mixedInputs();
  const predicted = (model.predict(inputs) as tf.Tensor).dataSync();
  const north = predictWithAdapters(model, inputs, new Array(4).fill('north')) as tf.Tensor;
  expect(north.dataSync()).toEqual(predicted);
  disableAdapters(model);
  const base = (model.predict(inputs) as tf.Tensor).dataSync();
  enableAdapters(model);
  const none = predictWithAdapters(model, inputs, new Array(4).fill('__base__')) as tf.Tensor;
  expect(none.dataSync()).toEqual(base);
});

test('a GraphModel has the outputs of the same layers', async () => {
  const { graph, input } = imageTwins();
  const model = injectIntoAny(await graph(), { rank: 2, alpha: 3 }, { adapter: 'north' });
  randomizeAdapter(model as unknown as tf.LayersModel);
  const x = input();
  const names = ['north', '__base__', 'north', '__base__'];
  const outputs = predictWithAdapters(model, x, names) as tf.Tensor;
  const north = tf.unstack(model.predict(x) as tf.Tensor);
  setActiveAdapters(model, []);
  const base = tf.unstack(model.predict(x) as tf.Tensor);
  const expected = tf.stack(names.map((name, row) => (name === 'north' ? north : base)[row]!));
  expect(largestDifference(outputs.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
});

test.each<[string, string[], RegExp]>([
  [
    'an unknown adapter',
    ['north', 'west', 'north', 'north'],
    /adapter 'west': not found; the model has north, south/,
  ],
  [
    'too few names',
    ['north'],
    /adapters: must have one name for each example \(1 names; input 0 has shape \[4,5,5,2\]\)/,
  ],
  ['no names', [], /adapters: must have one name for each example \(0 names/],
  ['numbers', [1, 2, 3, 4] as never, /adapters\[0\]: must be a string \(1\)/],
])('rejects %s and changes nothing', (_title, names, message) => {
  const model = withAdapters(mixedModel());
  const act = () => predictWithAdapters(model, mixedInputs(), names);
  expect(act).toThrow(UsageError);
  expect(act).toThrow(message);
  expect(activeAdapters(model)).toEqual(['north']);
});

test('rejects inputs of another shape', () => {
  const model = withAdapters(mixedModel());
  const act = () => predictWithAdapters(model, [tf.zeros([1, 5, 5, 3]), mixedInputs()[1]!], ['north']);
  expect(act).toThrow(UsageError);
  expect(act).toThrow(/^inputs: input image must have shape \[batch,5,5,2\] \(\[1,5,5,3\]\)$/);
});

test('an adapter cannot have the name that means the base', () => {
  const model = withAdapters(mixedModel());
  const expected = "adapter name '__base__': means the base; choose another name";
  expect(() => addAdapter(model, '__base__', {})).toThrow(expected);
  expect(() => injectLora(mixedModel(), {}, { adapter: '__base__' })).toThrow(expected);
});

test('rejects inputs of another number or of other names', () => {
  const model = withAdapters(mixedModel());
  const [image, tokens] = mixedInputs();
  for (const inputs of [image!, [image!], { image: image!, words: tokens! }])
    expect(() => predictWithAdapters(model, inputs, NAMES)).toThrow(
      /inputs: must be a tensor for each of the inputs image, tokens/,
    );
});

test('rejects different adapters for the examples of a stateful layer', () => {
  const layer = tf.layers.lstm({ name: 'memory', units: 2, stateful: true, batchInputShape: [4, 3, 2] });
  const model = withAdapters(sequential(layer));
  const x = randomTensor([4, 3, 2]);
  expect(() => predictWithAdapters(model, x, NAMES)).toThrow(
    "layer 'memory': is stateful; use the same adapter for all examples",
  );
  expect(predictWithAdapters(model, x, new Array(4).fill('south'))).toMatchObject({ shape: [4, 2] });
});

test('a model for batches of one size predicts others', () => {
  const model = withAdapters(sequential(tf.layers.dense({ units: 2, batchInputShape: [8, 3] })));
  expect(predictWithAdapters(model, randomTensor([4, 3]), NAMES)).toMatchObject({ shape: [4, 2] });
});

test('rejects a model whose outputs are not one row for each example', () => {
  const base = sequential(
    tf.layers.dense({ name: 'it', inputShape: [2], units: 2 }),
    tf.layers.reshape({ targetShape: [2] }),
  );
  const model = withAdapters(base);
  const { predict } = model;
  model.predict = (...options) => tf.mean(predict.apply(model, options) as tf.Tensor, 0, true);
  expect(() => predictWithAdapters(model, randomTensor([4, 2]), NAMES)).toThrow(
    /model: output 0 does not have one row for each example \(3 rows, 4 examples\)/,
  );
});
