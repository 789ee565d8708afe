import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import { injectLora, type LoraGraphModel } from '../../src/graph-models/index.ts';
import {
  addAdapter,
  disableAdapters,
  loraLayers,
  setActiveAdapters,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { type Check, verify } from '../../src/verification/index.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { graphModel, placeholder, window } from '../helpers/graph-models.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** A convolution, a depthwise one and a product. */
const network = () => {
  const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);
  return graphModel({
    nodes: [
      ['x', 'Placeholder', [], placeholder([-1, 5, 5, 2])],
      ['conv', 'Conv2D', ['x', 'w1'], window([1, 1, 1, 1])],
      ['depthwise', 'DepthwiseConv2dNative', ['conv', 'w2'], window([1, 1, 1, 1])],
      ['mean', 'Mean', ['depthwise', 'axes']],
      ['logits', 'MatMul', ['mean', 'w3']],
    ],
    weights: {
      w1: random([3, 3, 2, 4], 1),
      w2: random([3, 3, 4, 1], 2),
      axes: tf.tensor1d([1, 2], 'int32'),
      w3: random([4, 3], 3),
    },
    outputs: ['logits'],
  });
};
const images = () => tf.randomUniform([6, 5, 5, 2], 0, 1, 'float32', 4);

async function checksOf(base: tf.GraphModel, model: tf.GraphModel, baseHash = contentHash(base)) {
  const checks: Check[] = [];
  for await (const check of verify({ base, model, inputs: [images()], baseHash })) checks.push(check);
  return Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome]));
}

const PASSED = {
  content: 'passed',
  'adapter-reload': 'passed',
  'strength-zero': 'passed',
  disabled: 'passed',
  'base-unchanged': 'passed',
  merged: 'passed',
  'merged-reload': 'passed',
};

test('passes all checks for two adapters at different strengths', async () => {
  const base = await network();
  const model = injectLora(base, { rank: 2, alpha: 5 });
  addAdapter(model, 'other', { rank: 1, alpha: 3 });
  setActiveAdapters(model, ['default', 'other']);
  disturbAdapters(model);
  setAdapterStrength(model, 0.25, 'other');
  expect(await checksOf(base, model)).toEqual(PASSED);
});

test('passes all checks while adapters are disabled', async () => {
  const base = await network();
  const model = injectLora(base, { rank: 2 });
  disturbAdapters(model);
  disableAdapters(model);
  expect(await checksOf(base, model)).toEqual(PASSED);
});

test('checks only the content hash of a model without adapters', async () => {
  const base = await network();
  expect(await checksOf(base, base)).toEqual({ content: 'passed' });
  expect(await checksOf(base, base, 'another hash')).toEqual({ content: 'failed' });
});

describe('fails for', () => {
  async function failedChecks(change: (model: LoraGraphModel) => void) {
    const base = await network();
    const model = injectLora(base, { rank: 2, alpha: 5 });
    disturbAdapters(model);
    change(model);
    const checks = await checksOf(base, model);
    return Object.keys(checks).filter((name) => checks[name] === 'failed');
  }

  test('a base that was changed inside its adapted model', async () => {
    const failed = await failedChecks((model) => {
      const kernel = loraLayers(model)[0]!.layer.baseWeights.get('kernel')!.read() as tf.Variable;
      kernel.assign(tf.add(kernel, 1e-3));
    });
    expect(failed).toEqual(['adapter-reload', 'base-unchanged']);
  });

  test('an adapter that computes something else than its files', async () => {
    const failed = await failedChecks((model) => {
      const { layer } = loraLayers(model)[0]!;
      const effective = layer.mergedWeight.bind(layer);
      Object.assign(layer, { mergedWeight: (name: string) => tf.tidy(() => effective(name).mul(1.01)) });
    });
    expect(failed).toEqual(['adapter-reload']);
  });
});

test('names the problem if the graph does not run on the inputs', async () => {
  const base = await network();
  const model = injectLora(base, { rank: 2 });
  const inputs = [tf.zeros([6, 5, 5, 3])];
  const run = async () => {
    for await (const _ of verify({ base, model, inputs, baseHash: contentHash(base) }));
  };
  await expect(run()).rejects.toThrow(/^model: does not run on the inputs: .*shape/);
});

test('disposes its tensors and leaves the model unchanged', async () => {
  const base = await network();
  const model = injectLora(base, { rank: 2, alpha: 5 });
  disturbAdapters(model);
  const inputs = [images()];
  const before = (model.predict(inputs) as tf.Tensor).dataSync();
  const tensors = tf.memory().numTensors;
  for await (const { outcome } of verify({ base, model, inputs, baseHash: contentHash(base) }))
    expect(outcome).toBe('passed');
  expect(tf.memory().numTensors).toBe(tensors);
  expect((model.predict(inputs) as tf.Tensor).dataSync()).toEqual(before);
});
