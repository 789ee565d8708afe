import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import {
  addAdapter,
  addWeightedAdapter,
  injectLora,
  loraLayers,
  mergeLora,
  setActiveAdapters,
  updateSpectrum,
} from '../../src/lora/index.ts';
import { oloraFactors, orthogonalFactors, pissaFactors } from '../../src/lora/init-factors.ts';
import { matrixOf, valuesOf } from '../../src/lora/math/linear-algebra.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { layerAt, onlyUpdate, outputsOf, sequential } from './models.ts';
import { peftTensors, put } from './peft-tensors.ts';

useDevice();

let tensors: ReadonlyMap<string, tf.Tensor>;

beforeAll(async () => {
  tensors = await peftTensors();
});

const at = (name: string) => tensors.get(name)!;

type LayerName = 'dense' | 'conv1d' | 'conv2d' | 'embedding';

/** Permutations from PyTorch's axes to tfjs': of kernels, A and B, and of inputs and outputs. */
const LAYOUT: Record<LayerName, { weight: number[]; data: number[]; make: () => tf.layers.Layer }> = {
  dense: { weight: [1, 0], data: [0, 1], make: () => tf.layers.dense({ name: 'it', units: 5 }) },
  conv1d: {
    weight: [2, 1, 0],
    data: [0, 2, 1],
    make: () => tf.layers.conv1d({ name: 'it', filters: 5, kernelSize: 3, strides: 2 }),
  },
  conv2d: {
    weight: [2, 3, 1, 0],
    data: [0, 2, 3, 1],
    make: () => tf.layers.conv2d({ name: 'it', filters: 5, kernelSize: [3, 2], strides: 2 }),
  },
  // PEFT stores A and B of an embedding transposed.
  embedding: {
    weight: [0, 1],
    data: [0, 1, 2],
    make: () => tf.layers.embedding({ name: 'it', inputDim: 9, outputDim: 5 }),
  },
};

const VARIANTS = {
  plain: {},
  rslora: { rslora: true },
  dora: { dora: true },
} as const;

const cases = (Object.keys(LAYOUT) as LayerName[]).flatMap((layer) =>
  (Object.keys(VARIANTS) as (keyof typeof VARIANTS)[]).map((variant) => ({ layer, variant })),
);

test.each(cases)('$layer, $variant: has the outputs and gradients of PEFT', ({ layer, variant }) => {
  const name = `${layer}.${variant}`;
  const { weight, data, make } = LAYOUT[layer];
  const factor = (value: tf.Tensor) => value.transpose(layer === 'embedding' ? [1, 0] : weight);
  const x = layer === 'embedding' ? at(`${name}.x`) : at(`${name}.x`).transpose(data);
  const base = sequential(withInput(make(), x.shape.slice(1)));
  const bias = tensors.get(`${name}.bias`);
  base.setWeights([at(`${name}.weight`).transpose(weight), ...(bias ? [bias] : [])]);
  const model = injectLora(base, { rank: 2, alpha: 3, ...VARIANTS[variant] });
  const { a, b, magnitude } = onlyUpdate(loraLayers(model)[0]!.layer);
  put(a, factor(at(`${name}.lora_A`)));
  put(b, factor(at(`${name}.lora_B`)));
  if (magnitude) put(magnitude, at(`${name}.magnitude`).flatten());

  const expected = at(`${name}.y`).transpose(data);
  const output = model.predict(x) as tf.Tensor;
  expect(largestDifference(output.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
  const merged = mergeLora(model).predict(x) as tf.Tensor;
  expect(largestDifference(merged.dataSync(), expected.dataSync())).toBeLessThan(1e-5);

  const probe = at(`${name}.probe`).transpose(data);
  const variables = [a, b, magnitude].flatMap((weight) => (weight ? [weight.read() as tf.Variable] : []));
  const { grads } = tf.variableGrads(
    () => tf.sum(tf.mul(model.apply(x, { training: true }) as tf.Tensor, probe)) as tf.Scalar,
    variables,
  );
  const gradients = [factor(at(`${name}.lora_A.grad`)), factor(at(`${name}.lora_B.grad`))];
  if (magnitude) gradients.push(at(`${name}.magnitude.grad`).flatten());
  gradients.forEach((gradient, index) => {
    const actual = grads[variables[index]!.name]!;
    expect(actual.shape).toEqual(gradient.shape);
    expect(largestDifference(actual.dataSync(), gradient.dataSync())).toBeLessThan(2e-5);
  });
});

test('PiSSA and OLoRA have the initial product of PEFT', () => {
  const scaling = 3 / 2;
  for (const [name, factors] of [
    ['pissa', (kernel: tf.Tensor2D) => pissaFactors(kernel, 2, scaling)],
    ['olora', (kernel: tf.Tensor2D) => oloraFactors(kernel, 2)],
  ] as const) {
    const { a, b } = factors(at(`${name}.weight`).transpose() as tf.Tensor2D);
    const product = valuesOf(a.mmul(b).transpose());
    expect(largestDifference(product, at(`${name}.product`).dataSync())).toBeLessThan(1e-5);
  }
});

test.each([
  ['LoRA', false],
  ['DoRA', true],
])('LoRA-GA initializes %s with the singular vectors of PEFT', (_, dora) => {
  const base = sequential(withInput(LAYOUT.dense.make(), [6]));
  base.setWeights([at('lora-ga.weight').transpose(), at('lora-ga.bias')]);
  const loss = (model: tf.LayersModel) =>
    tf.mean(
      tf.squaredDifference(model.apply(at('lora-ga.x')) as tf.Tensor, at('lora-ga.target')),
    ) as tf.Scalar;
  const model = injectLora(base, { rank: 2, alpha: 3, init: 'lora-ga', dora }, { loss });
  const { a, b } = onlyUpdate(layerAt(model, 'it'));
  // The sign of a singular vector is arbitrary; A·Aᵀ and Bᵀ·B do not depend on it.
  const squareOf = (matrix: tf.Tensor) => tf.matMul(matrix, matrix, false, true).dataSync();
  const [expectedA, expectedB] = [at('lora-ga.lora_A').transpose(), at('lora-ga.lora_B')];
  expect(largestDifference(squareOf(a.read()), squareOf(expectedA))).toBeLessThan(1e-5);
  expect(largestDifference(squareOf(b.read().transpose()), squareOf(expectedB))).toBeLessThan(1e-5);
  const x = at('lora-ga.x');
  expect(outputsOf(model, [x])).toEqual(outputsOf(base, [x]));
  expect(() => injectLora(base, { rank: 2, init: 'lora-ga' })).toThrow(/pass the loss of a batch/);
  expect(() => injectLora(base, { rank: 3, init: 'lora-ga' }, { loss })).toThrow(
    /layer 'it': init 'lora-ga' needs 2 \* rank singular vectors/,
  );
});

test('the orthogonal initialization is that of PEFT for the same random numbers, and its product is zero', () => {
  const [square, left, right] = ['square', 'left', 'right'].map((name) => {
    const tensor = at(`orthogonal.${name}`);
    return matrixOf(tensor.dataSync(), tensor.shape[0]!, tensor.shape[1]!);
  });
  const { a, b } = orthogonalFactors(square!, left!, right!);
  const [expectedA, expectedB] = ['lora_A', 'lora_B'].map((name) => at(`orthogonal.${name}`).transpose());
  expect(largestDifference(valuesOf(a), expectedA!.dataSync())).toBeLessThan(1e-6);
  expect(largestDifference(valuesOf(b), expectedB!.dataSync())).toBeLessThan(1e-6);
  expect(Math.max(...valuesOf(a.mmul(b)).map(Math.abs))).toBeLessThan(1e-9);
});

test('combines adapters into the updates of PEFT', () => {
  const model = injectLora(sequential(withInput(LAYOUT.dense.make(), [6])), {
    rank: 2,
    alpha: 3,
  });
  addAdapter(model, 'same', { rank: 2, alpha: 5 });
  addAdapter(model, 'other', { rank: 3, alpha: 4 });
  const layer = layerAt(model, 'it');
  for (const name of ['default', 'same', 'other']) {
    const { a, b } = onlyUpdate(layer, name);
    put(a, at(`combine.${name}.lora_A`).transpose());
    put(b, at(`combine.${name}.lora_B`).transpose());
  }
  const first = { name: 'default', weight: 0.7 };
  addWeightedAdapter(model, {
    name: 'linear',
    type: 'linear',
    adapters: [first, { name: 'same', weight: 0.4 }],
  });
  addWeightedAdapter(model, {
    name: 'minus',
    type: 'linear',
    adapters: [first, { name: 'same', weight: -0.4 }],
  });
  addWeightedAdapter(model, { name: 'cat', type: 'cat', adapters: [first, { name: 'other', weight: 0.4 }] });
  addWeightedAdapter(model, {
    name: 'svd',
    type: 'svd',
    rank: 2,
    adapters: [first, { name: 'other', weight: 0.4 }],
  });
  for (const name of ['linear', 'minus', 'cat', 'svd']) {
    const expected = at(`combine.${name}.update`).transpose();
    setActiveAdapters(model, [name]);
    const update = tf.sub(layer.mergedWeight('kernel'), layer.baseWeights.get('kernel')!.read());
    expect(largestDifference(update.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
    const x = tf.eye(6);
    const { bias } = Object.fromEntries(layer.baseWeights);
    const kernel = tf.add(layer.baseWeights.get('kernel')!.read(), expected);
    const output = tf.add(tf.matMul(x, kernel as tf.Tensor2D), bias!.read());
    expect(largestDifference(outputsOf(model, [x]), output.dataSync())).toBeLessThan(1e-5);
  }
  expect(layer.adapters.get('cat')!.settings.rank).toBe(5);
});

test('computes the singular values of an update from its factors', () => {
  const model = injectLora(sequential(withInput(LAYOUT.dense.make(), [6])), {
    rank: 2,
    alpha: 3,
  });
  const layer = layerAt(model, 'it');
  const { a, b } = onlyUpdate(layer);
  // Orthogonal columns and rows of lengths 2, 1 and 3, 5, so singular values 1.5 times 6 and 5.
  put(a, tf.tensor([0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], [6, 2]));
  put(b, tf.tensor([3, 0, 0, 0, 0, 0, 0, 0, 5, 0], [2, 5]));
  const spectrum = updateSpectrum(layer, 'default')!;
  expect(largestDifference(spectrum.singularValues, [9, 7.5])).toBeLessThan(1e-6);
  expect(spectrum.updateNorm).toBeCloseTo(Math.hypot(9, 7.5), 5);
  expect(spectrum.effectiveRank).toBeGreaterThan(1.9);
  expect(spectrum.effectiveRank).toBeLessThan(2);
});

function withInput(layer: tf.layers.Layer, shape: readonly number[]): tf.layers.Layer {
  layer.batchInputShape = [null, ...shape];
  return layer;
}
