import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import {
  baseWeights,
  injectLora,
  type LoraConfig,
  loraLayers,
  mergeLora,
  setAdapterStrength,
  unloadLora,
} from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { gradientError } from './gradients.ts';
import { onlyUpdate, outputsOf, randomizeAdapter, randomizeWeights, randomTensor } from './models.ts';

useDevice();

interface Case {
  readonly title: string;
  readonly layer: () => tf.layers.Layer;
  readonly input: readonly number[];
  readonly config?: LoraConfig;
  /** Shapes of A and B at rank 2. */
  readonly a: readonly number[];
  readonly b: readonly number[];
}

const conv2d = (options: object) => () =>
  tf.layers.conv2d({ name: 'it', filters: 5, kernelSize: [3, 2], activation: 'tanh', ...options });

const CASES: Case[] = [
  {
    title: 'dense',
    layer: () => tf.layers.dense({ name: 'it', units: 5, activation: 'tanh' }),
    input: [4],
    a: [4, 2],
    b: [2, 5],
  },
  {
    title: 'dense on sequences',
    layer: () => tf.layers.dense({ name: 'it', units: 5 }),
    input: [3, 4],
    a: [4, 2],
    b: [2, 5],
  },
  {
    title: 'conv1d, stride 2',
    layer: () => tf.layers.conv1d({ name: 'it', filters: 5, kernelSize: 3, strides: 2, activation: 'relu' }),
    input: [9, 3],
    a: [3, 3, 2],
    b: [1, 2, 5],
  },
  {
    title: 'conv1d, dilated',
    layer: () =>
      tf.layers.conv1d({ name: 'it', filters: 5, kernelSize: 3, dilationRate: 2, activation: 'tanh' }),
    input: [9, 3],
    a: [3, 3, 2],
    b: [1, 2, 5],
  },
  { title: 'conv2d', layer: conv2d({}), input: [6, 7, 3], a: [3, 2, 3, 2], b: [1, 1, 2, 5] },
  {
    title: 'conv2d, stride 2, same',
    layer: conv2d({ strides: [2, 1], padding: 'same' }),
    input: [6, 7, 3],
    a: [3, 2, 3, 2],
    b: [1, 1, 2, 5],
  },
  {
    title: 'conv2d, dilated',
    layer: conv2d({ dilationRate: [2, 3] }),
    input: [7, 8, 3],
    a: [3, 2, 3, 2],
    b: [1, 1, 2, 5],
  },
  {
    title: 'conv2d, dilated, same',
    layer: conv2d({ dilationRate: 2, padding: 'same' }),
    input: [6, 7, 3],
    a: [3, 2, 3, 2],
    b: [1, 1, 2, 5],
  },
  {
    title: 'conv2d, channels first',
    layer: conv2d({ dataFormat: 'channelsFirst' }),
    input: [3, 6, 7],
    a: [3, 2, 3, 2],
    b: [1, 1, 2, 5],
  },
  {
    title: 'conv2d without bias',
    layer: conv2d({ useBias: false }),
    input: [6, 7, 3],
    a: [3, 2, 3, 2],
    b: [1, 1, 2, 5],
  },
  {
    title: 'conv3d',
    layer: () => tf.layers.conv3d({ name: 'it', filters: 5, kernelSize: 2 }),
    input: [3, 4, 3, 2],
    a: [2, 2, 2, 2, 2],
    b: [1, 1, 1, 2, 5],
  },
  {
    title: 'the pointwise part of a separable convolution',
    layer: () =>
      tf.layers.separableConv2d({
        name: 'it',
        filters: 5,
        kernelSize: 3,
        depthMultiplier: 2,
        strides: 2,
        activation: 'tanh',
      }),
    input: [7, 7, 3],
    a: [1, 1, 6, 2],
    b: [1, 1, 2, 5],
  },
  {
    title: 'depthwise',
    layer: () =>
      tf.layers.depthwiseConv2d({ name: 'it', kernelSize: [3, 2], depthMultiplier: 2, activation: 'tanh' }),
    input: [6, 7, 3],
    a: [3, 2, 2],
    b: [2, 3, 2],
  },
  {
    title: 'embedding',
    layer: () => tf.layers.embedding({ name: 'it', inputDim: 9, outputDim: 5 }),
    input: [4],
    a: [9, 2],
    b: [2, 5],
  },
];

function build({ layer, input }: Case): tf.LayersModel {
  const image = tf.input({ shape: [...input] });
  const middle = layer().apply(image) as tf.SymbolicTensor;
  const flat = (middle.rank > 2 ? tf.layers.flatten().apply(middle) : middle) as tf.SymbolicTensor;
  const model = tf.model({
    inputs: image,
    outputs: tf.layers.dense({ name: 'head', units: 3 }).apply(flat) as tf.SymbolicTensor,
  });
  randomizeWeights(model);
  return model;
}

function inputFor({ title, input }: Case): tf.Tensor {
  const values = randomTensor([2, ...input], 5);
  return title === 'embedding' ? tf.mod(tf.round(tf.mul(tf.abs(values), 4)), 9) : values;
}

const CONFIG: LoraConfig = { rank: 2, alpha: 3, targets: ['it'], bias: 'lora-only' };
const METHODS: LoraConfig[] = [{ method: 'side' }, { method: 'weight' }];

describe.each(CASES)('$title', (layerCase) => {
  test.each(METHODS)(
    'has A and B of the right shapes and starts with the outputs of the base, method $method',
    (method) => {
      const base = build(layerCase);
      const adapted = injectLora(base, { ...CONFIG, ...method });
      const { a, b } = onlyUpdate(loraLayers(adapted)[0]!.layer);
      expect(a.shape).toEqual(layerCase.a);
      expect(b.shape).toEqual(layerCase.b);
      expect(outputsOf(adapted, [inputFor(layerCase)])).toEqual(outputsOf(base, [inputFor(layerCase)]));
    },
  );

  test('computes the same outputs by method side, by method weight, and merged', () => {
    const base = build(layerCase);
    const inputs = [inputFor(layerCase)];
    const [side, weight] = METHODS.map((method) => {
      const adapted = injectLora(base, { ...CONFIG, ...method });
      randomizeAdapter(adapted);
      return adapted;
    });
    const expected = outputsOf(side!, inputs);
    expect(largestDifference(expected, outputsOf(base, inputs))).toBeGreaterThan(1e-2);
    expect(largestDifference(outputsOf(weight!, inputs), expected)).toBeLessThan(1e-5);
    expect(largestDifference(outputsOf(mergeLora(side!), inputs), expected)).toBeLessThan(1e-5);
    setAdapterStrength(side!, 0);
    expect(outputsOf(side!, inputs)).toEqual(outputsOf(base, inputs));
    expect(weightsHash(baseWeights(unloadLora(side!)))).toBe(weightsHash(baseWeights(base)));
  });

  test.each(METHODS)('has the gradients of finite differences, method $method', (method) => {
    const adapted = injectLora(build(layerCase), { ...CONFIG, ...method });
    randomizeAdapter(adapted);
    expect(gradientError(adapted, inputFor(layerCase))).toBeLessThan(1e-2);
  });

  test('has the same outputs after saving and loading', async () => {
    const adapted = injectLora(build(layerCase), CONFIG);
    randomizeAdapter(adapted);
    const inputs = [inputFor(layerCase)];
    expect(outputsOf(await reload(adapted), inputs)).toEqual(outputsOf(adapted, inputs));
  });
});
