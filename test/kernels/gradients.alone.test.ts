import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, test } from 'vitest';
import { injectLora } from '../../src/lora/index.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { randomizeAdapter, randomizeWeights, randomTensor } from '../lora/models.ts';

afterEach(() => tf.disposeVariables());

const { layers: L } = tf;

/** A model per kind of layer. Inputs of embeddings are indices below 5. */
const models: Record<string, () => tf.layers.Layer[]> = {
  dense: () => [L.dense({ inputShape: [6], units: 4, activation: 'tanh' })],
  conv1d: () => [L.conv1d({ inputShape: [9, 2], filters: 3, kernelSize: 3, padding: 'same' })],
  'conv1d with strides': () => [L.conv1d({ inputShape: [9, 2], filters: 3, kernelSize: 2, strides: 2 })],
  'dilated conv1d': () => [L.conv1d({ inputShape: [9, 2], filters: 3, kernelSize: 2, dilationRate: 2 })],
  conv2d: () => [L.conv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: 3 })],
  '1x1 conv2d': () => [L.conv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: 1 })],
  'conv2d with strides': () => [
    L.conv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: [3, 2], strides: [2, 3], padding: 'same' }),
  ],
  'dilated conv2d': () => [L.conv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: 2, dilationRate: 2 })],
  'channelsFirst conv2d': () => [
    L.conv2d({ inputShape: [2, 7, 6], filters: 3, kernelSize: 3, dataFormat: 'channelsFirst' }),
  ],
  'two conv2d with pooling': () => [
    L.conv2d({ inputShape: [8, 8, 1], filters: 3, kernelSize: 3, activation: 'relu' }),
    L.maxPooling2d({ poolSize: 2 }),
    L.conv2d({ filters: 4, kernelSize: 2, padding: 'same' }),
    L.maxPooling2d({ poolSize: 2, strides: 1 }),
    L.averagePooling2d({ poolSize: 2, padding: 'same' }),
  ],
  conv3d: () => [L.conv3d({ inputShape: [5, 4, 4, 2], filters: 2, kernelSize: 2, padding: 'same' })],
  'conv3d with strides': () => [
    L.conv3d({ inputShape: [5, 4, 4, 2], filters: 2, kernelSize: 2, strides: 2 }),
    L.conv3d({ filters: 2, kernelSize: 2, padding: 'same' }),
  ],
  'conv2d below a transposed one': () => [
    L.conv2d({ inputShape: [5, 4, 2], filters: 3, kernelSize: 2 }),
    L.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' }),
    L.conv2dTranspose({ filters: 2, kernelSize: 2 }),
  ],
  depthwise: () => [
    L.conv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: 1 }),
    L.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
  ],
  'depthwise with strides': () => [
    L.conv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: 1 }),
    L.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: 'same' }),
    L.depthwiseConv2d({ kernelSize: 2, strides: 2 }),
  ],
  separable: () => [
    L.separableConv2d({ inputShape: [7, 6, 2], filters: 3, kernelSize: 3, depthMultiplier: 2 }),
    L.separableConv2d({ filters: 2, kernelSize: 2, strides: 2, padding: 'same' }),
  ],
  embedding: () => [
    L.embedding({ inputDim: 5, outputDim: 3, inputLength: 6 }),
    L.conv1d({ filters: 2, kernelSize: 2 }),
  ],
  'normalizations and PReLU': () => [
    L.conv2d({ inputShape: [5, 4, 2], filters: 3, kernelSize: 2 }),
    L.batchNormalization(),
    L.prelu(),
    L.layerNormalization(),
  ],
  'recurrent layers': () => [
    L.lstm({ inputShape: [4, 2], units: 3, returnSequences: true }),
    L.gru({ units: 3, returnSequences: true }),
    L.timeDistributed({ layer: L.dense({ units: 2 }) }),
  ],
  'other activations': () => [
    L.dense({ inputShape: [6], units: 5, activation: 'elu' }),
    ...(['selu', 'softplus', 'softsign', 'hardSigmoid', 'relu6', 'swish', 'mish'] as const).map(
      (activation) => L.dense({ units: 5, activation }),
    ),
    L.leakyReLU(),
    L.dense({ units: 4, activation: 'softmax' }),
  ],
};

/** The gradient of a loss for each trainable weight, on the current backend. */
function gradientsOf(model: tf.LayersModel): number[][] {
  return tf.tidy(() => {
    const [input] = model.inputs;
    const shape = [3, ...(input!.shape.slice(1) as number[])];
    const isIndex = model.layers.some((layer) => layer.getClassName().endsWith('Embedding'));
    const x = isIndex ? tf.abs(tf.mod(tf.round(tf.mul(randomTensor(shape), 3)), 5)) : randomTensor(shape);
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const { grads } = tf.variableGrads(() => {
      const output = model.apply(x, { training: true }) as tf.Tensor;
      return tf.sum(tf.mul(output, randomTensor(output.shape, 5)));
    }, variables);
    return variables.map(({ name }) => [...grads[name]!.dataSync()]);
  });
}

describe.each(Object.entries(models))('%s', (name, layers) => {
  test.each(['plain', 'side', 'weight'] as const)(
    'has the gradients of native TensorFlow on wasm: %s',
    async (kind) => {
      await loadTensorFlow({ device: 'cpu' });
      const base = tf.sequential({ layers: layers() });
      randomizeWeights(base);
      if (kind === 'plain' && name === 'dilated conv2d') return; // tfjs fuses it, and has no gradient for that
      const model =
        kind === 'plain'
          ? base
          : injectLora(base, { rank: 2, alpha: 3, bias: 'all', method: kind, exclude: recurrent(base) });
      if (model !== base) randomizeAdapter(model);
      const expected = gradientsOf(model);
      await loadTensorFlow({ device: 'wasm' });
      const { numTensors } = tf.memory();
      const actual = gradientsOf(model);
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(actual).toHaveLength(expected.length);
      actual.forEach((gradient, index) => {
        const size = Math.max(1, ...expected[index]!.map(Math.abs));
        expect(largestDifference(gradient, expected[index]!) / size).toBeLessThan(1e-5);
      });
    },
  );
});

const recurrent = (model: tf.LayersModel) => {
  const names = model.layers
    .filter((layer) => ['LSTM', 'GRU'].includes(layer.getClassName()))
    .map(({ name }) => name);
  return names.length > 0 ? names : undefined;
};
