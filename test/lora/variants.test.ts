import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { CheckpointError } from '../../src/errors.ts';
import {
  baseWeights,
  injectLora,
  type LoraConfig,
  loraLayers,
  loraSummary,
  mergeLora,
  readAdapter,
  setAdapterStrength,
  writeAdapter,
} from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { gradientError } from './gradients.ts';
import {
  layerAt,
  onlyUpdate,
  outputsOf,
  randomizeAdapter,
  randomTensor,
  sequential,
  sequentialModel,
} from './models.ts';

useDevice();

/** Convolutions, normalizations and a dense head, with seeded weights. */
function convNet(): tf.LayersModel {
  return sequential(
    tf.layers.conv2d({ name: 'conv', inputShape: [6, 6, 2], filters: 4, kernelSize: 3, activation: 'tanh' }),
    tf.layers.batchNormalization({ name: 'norm' }),
    tf.layers.conv2d({ name: 'dilated', filters: 4, kernelSize: 2, dilationRate: 2 }),
    tf.layers.flatten(),
    tf.layers.layerNormalization({ name: 'layer_norm' }),
    tf.layers.dense({ name: 'head', units: 4 }),
  );
}

const VARIANTS: Record<string, LoraConfig> = {
  DoRA: { dora: true },
  'DoRA with trained biases': { dora: true, bias: 'all' },
  PiSSA: { init: 'pissa' },
  OLoRA: { init: 'olora' },
  'PiSSA with method weight': { init: 'pissa', method: 'weight' },
  'DoRA from PiSSA': { init: 'pissa', dora: true },
  gaussian: { init: 'gaussian' },
  orthogonal: { init: 'orthogonal' },
};

describe.each(Object.keys(VARIANTS))('%s', (name) => {
  const config = { rank: 2, alpha: 3, ...VARIANTS[name] };

  test('starts with the outputs of the base', () => {
    const base = convNet();
    expect(largestDifference(outputsOf(injectLora(base, config)), outputsOf(base))).toBeLessThan(1e-5);
  });

  test('merges and reloads after training, and computes the outputs of the base bit for bit at strength 0', async () => {
    const base = convNet();
    const adapted = injectLora(base, config);
    randomizeAdapter(adapted);
    const outputs = outputsOf(adapted);
    expect(largestDifference(outputs, outputsOf(base))).toBeGreaterThan(1e-2);
    expect(outputsOf(await reload(adapted))).toEqual(outputs);
    for (const strength of [1, 0.3]) {
      setAdapterStrength(adapted, strength);
      expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
    }
    setAdapterStrength(adapted, 0);
    expect(outputsOf(adapted)).toEqual(outputsOf(base));
  });
});

test.each(['PiSSA', 'OLoRA', 'orthogonal'])('%s has the gradients of finite differences', (name) => {
  const adapted = injectLora(convNet(), { rank: 2, alpha: 3, ...VARIANTS[name] });
  randomizeAdapter(adapted);
  expect(gradientError(adapted, randomTensor([2, 6, 6, 2]))).toBeLessThan(1e-2);
});

test('DoRA adds one trainable magnitude per output', () => {
  const plain = loraSummary(injectLora(sequentialModel(), { rank: 2 }));
  const dora = loraSummary(injectLora(sequentialModel(), { rank: 2, dora: true }));
  expect(dora.trainableParameters - plain.trainableParameters).toBe(8 + 7 + 3);
});

/** Layers whose kernel has these rows and columns as a matrix. */
const NORMS: Record<
  string,
  { layer: () => tf.layers.Layer; input: () => tf.Tensor; rows: number; columns: number }
> = {
  'a depthwise convolution': {
    layer: () =>
      tf.layers.depthwiseConv2d({
        name: 'it',
        inputShape: [5, 5, 2],
        kernelSize: [3, 2],
        depthMultiplier: 2,
      }),
    input: () => randomTensor([3, 5, 5, 2]),
    rows: 6,
    columns: 4,
  },
  'an embedding': {
    layer: () => tf.layers.embedding({ name: 'it', inputShape: [4], inputDim: 7, outputDim: 3 }),
    input: () => tf.tensor2d([0, 6, 2, 2, 1, 5, 3, 4], [2, 4], 'int32'),
    rows: 7,
    columns: 3,
  },
};

test.each(Object.keys(NORMS))('DoRA of %s scales each column of W + s·A·B to its magnitude', async (name) => {
  const { layer, rows, columns, ...inputs } = NORMS[name]!;
  const input = inputs.input();
  const base = sequential(layer());
  const adapted = injectLora(base, { rank: 2, alpha: 3, dora: true });
  expect(outputsOf(adapted, [input])).toEqual(outputsOf(base, [input]));
  randomizeAdapter(adapted);
  const { a, b, magnitude } = onlyUpdate(layerAt(adapted, 'it'));
  const [kernel, ...biases] = base.getWeights();
  const valuesOf = (tensor: tf.Tensor, shape: [number, number]) =>
    tf.reshape(tensor, shape).arraySync() as number[][];
  const [w, left, right] = [
    valuesOf(kernel!, [rows, columns]),
    valuesOf(a.read(), [rows, 2]),
    valuesOf(b.read(), [2, columns]),
  ];
  const sum = w.map((row, i) =>
    row.map((value, j) => value + 1.5 * (left[i]![0]! * right[0]![j]! + left[i]![1]! * right[1]![j]!)),
  );
  const norms = sum[0]!.map((_, j) => Math.hypot(...sum.map((row) => row[j]!)));
  const magnitudes = magnitude!.read().dataSync();
  const expected = sum.map((row) => row.map((value, j) => (value * magnitudes[j]!) / norms[j]!));
  const plain = sequential(layer());
  plain.setWeights([tf.reshape(tf.tensor(expected), kernel!.shape), ...biases]);
  expect(largestDifference(outputsOf(adapted, [input]), outputsOf(plain, [input]))).toBeLessThan(1e-5);
  expect(largestDifference(outputsOf(adapted, [input]), outputsOf(base, [input]))).toBeGreaterThan(1e-2);
  expect(largestDifference(outputsOf(mergeLora(adapted), [input]), outputsOf(plain, [input]))).toBeLessThan(
    1e-5,
  );
  expect(outputsOf(await reload(adapted), [input])).toEqual(outputsOf(adapted, [input]));
  setAdapterStrength(adapted, 0);
  expect(outputsOf(adapted, [input])).toEqual(outputsOf(base, [input]));
});

test('PiSSA keeps its initial A and B, the principal singular vectors of the kernel', () => {
  const adapted = injectLora(sequentialModel(), { rank: 2, alpha: 3, init: 'pissa' });
  const layer = layerAt(adapted, 'hidden');
  const { a, b, initialA } = onlyUpdate(layer);
  expect(initialA!.read().dataSync()).toEqual(a.read().dataSync());
  const kernel = layer.baseWeights.get('kernel')!.read();
  // The rest of the kernel is orthogonal to them.
  const rest = tf.sub(kernel, tf.mul(tf.matMul(a.read(), b.read()), 1.5));
  const overlap = tf.matMul(tf.transpose(a.read()), rest);
  expect(Math.max(...overlap.abs().dataSync())).toBeLessThan(1e-5);
});

test('batch normalization runs as in inference during training, and keeps its moving averages', () => {
  const adapted = injectLora(convNet(), { rank: 2, alpha: 3 });
  const x = randomTensor([3, 6, 6, 2]);
  const before = weightsHash(baseWeights(adapted));
  const training = adapted.apply(x, { training: true }) as tf.Tensor;
  expect(weightsHash(baseWeights(adapted))).toBe(before);
  expect(training.dataSync()).toEqual((adapted.predict(x) as tf.Tensor).dataSync());
});

test('applies dropout to the input of A only, and only during training', () => {
  const base = sequentialModel();
  const adapted = injectLora(base, { rank: 2, alpha: 3, dropout: 0.5, targets: ['hidden'] });
  const x = randomTensor([64, 6]);
  // `predict` would split 64 rows into batches, whose sums may round differently.
  const apply = (model: tf.LayersModel, training: boolean) =>
    (model.apply(x, { training }) as tf.Tensor).dataSync();
  const run = (training: boolean) => apply(adapted, training);
  expect(run(true)).toEqual(apply(base, false));
  randomizeAdapter(adapted);
  expect(run(true)).not.toEqual(run(true));
  expect(run(false)).toEqual(run(false));
  const dropout = layerAt(adapted, 'hidden').adapters.get('default')!.dropout!;
  expect(dropout.getClassName()).toBe('Dropout');
});

test('trains modulesToSave, and computes the outputs of the base bit for bit at strength 0', () => {
  const base = convNet();
  const adapted = injectLora(base, {
    rank: 2,
    alpha: 3,
    targets: ['conv'],
    modulesToSave: ['layer_norm', 'head'],
  });
  const names = adapted.trainableWeights.map(({ originalName }) => originalName);
  expect(names).toEqual([
    'conv/default/lora_A',
    'conv/default/lora_B',
    'layer_norm/default/gamma',
    'layer_norm/default/beta',
    'head/default/kernel',
    'head/default/bias',
  ]);
  randomizeAdapter(adapted);
  setAdapterStrength(adapted, 0);
  expect(outputsOf(adapted)).toEqual(outputsOf(base));
});

test('trains the biases and all weights of a recurrent layer', () => {
  const model = sequential(
    tf.layers.gru({ name: 'memory', inputShape: [3, 2], units: 4 }),
    tf.layers.dense({ name: 'out', units: 4 }),
  );
  const biases = injectLora(model, { rank: 1, targets: ['out'], bias: 'all' });
  expect(biases.trainableWeights.map(({ shape }) => shape)).toEqual([[12], [4, 1], [1, 4], [4]]);
  const all = injectLora(model, { rank: 1, targets: ['out'], modulesToSave: ['memory'] });
  expect(all.trainableWeights.map(({ shape }) => shape)).toEqual([[2, 12], [4, 12], [12], [4, 1], [1, 4]]);
});

test('rejects merging adapters that contain NaN or Inf', () => {
  const adapted = injectLora(sequentialModel(), { rank: 2 });
  const weight = layerAt(adapted, 'middle')
    .adapters.get('default')!
    .updates.get('kernel')!
    .b.read() as tf.Variable;
  weight.assign(tf.fill(weight.shape, Number.NaN));
  const { numTensors } = tf.memory();
  expect(() => mergeLora(adapted)).toThrow(CheckpointError);
  expect(() => mergeLora(adapted)).toThrow(/adapter 'default' of layer 'middle': lora_B contains NaN or Inf/);
  expect(tf.memory().numTensors).toBe(numTensors);
});

describe('adapter tensors', () => {
  const config: LoraConfig = { rank: 2, alpha: 3, dora: true, bias: 'lora-only', init: 'pissa' };

  test('can be copied to another model, bit for bit', () => {
    const base = sequentialModel();
    const [from, to] = [injectLora(base, config), injectLora(base, { ...config, seed: 1 })];
    randomizeAdapter(from);
    for (const { path, layer } of loraLayers(from)) {
      const tensors = readAdapter(layer, 'default');
      expect([...tensors.keys()].sort()).toEqual(
        ['bias', 'initial_A', 'initial_B', 'lora_A', 'lora_B', 'lora_magnitude'].filter(
          (name) => name !== 'bias' || path !== 'middle',
        ),
      );
      writeAdapter(layerAt(to, path), 'default', tensors);
    }
    expect(outputsOf(to)).toEqual(outputsOf(from));
  });

  test.each<[string, (tensors: Map<string, { shape: number[]; values: Float32Array }>) => void, RegExp]>([
    ['a missing tensor', (tensors) => tensors.delete('lora_B'), /tensor lora_B is missing/],
    [
      'an unknown tensor',
      (tensors) => tensors.set('x', { shape: [1], values: new Float32Array(1) }),
      /has no tensor x/,
    ],
    [
      'a tensor of another shape',
      (tensors) => tensors.set('bias', { shape: [2], values: new Float32Array(2) }),
      /bias must have shape \[8\] \(\[2\]\)/,
    ],
    [
      'NaN or Inf',
      (tensors) => tensors.set('bias', { shape: [8], values: new Float32Array(8).fill(Infinity) }),
      /bias contains NaN or Inf/,
    ],
  ])('with %s are rejected, and nothing is written', (_title, change, message) => {
    const model = injectLora(sequentialModel(), config);
    const layer = layerAt(model, 'hidden');
    const tensors = new Map(
      [...readAdapter(layer, 'default')].map(([name, { shape, values }]) => [
        name,
        { shape: [...shape], values: values.map((value) => value + 1) },
      ]),
    );
    change(tensors);
    const before = outputsOf(model);
    expect(() => writeAdapter(layer, 'default', tensors)).toThrow(CheckpointError);
    expect(() => writeAdapter(layer, 'default', tensors)).toThrow(message);
    expect(outputsOf(model)).toEqual(before);
  });
});
