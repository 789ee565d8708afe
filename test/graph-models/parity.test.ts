import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, mergeLora, unloadLora } from '../../src/graph-models/index.ts';
import {
  disableAdapters,
  enableAdapters,
  injectLora as injectIntoLayers,
  type LoraConfig,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { reloadGraphModel } from '../helpers/graph-models.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { outputsOf, randomizeAdapter } from '../lora/models.ts';
import { copyAdapter, graphOutputs, imageTwins, type Twins, tokenTwins } from './twins.ts';

useDevice();

const models: Record<string, () => Twins> = { imageTwins, tokenTwins };
const configs: LoraConfig[] = [
  { rank: 2, alpha: 6 },
  { rank: 3, alpha: 2, rslora: true, method: 'weight' },
];

for (const [name, create] of Object.entries(models)) {
  test.each(configs)(`${name} with %o: the graph gives the outputs of the same layers`, async (config) => {
    const { layers, graph, input } = create();
    const x = input();
    const base = await graph();
    expect(largestDifference(graphOutputs(base, x), outputsOf(layers, [x]))).toBeLessThan(1e-5);
    const start = graphOutputs(base, x);

    const adaptedLayers = injectIntoLayers(layers, config);
    randomizeAdapter(adaptedLayers);
    const adapted = injectLora(base, config);
    expect(graphOutputs(adapted, x)).toEqual(start);
    copyAdapter(adaptedLayers, adapted);
    const expected = outputsOf(adaptedLayers, [x]);
    expect(largestDifference(expected, start)).toBeGreaterThan(1e-2);
    expect(largestDifference(graphOutputs(adapted, x), expected)).toBeLessThan(1e-5);
    expect(graphOutputs(base, x)).toEqual(start);

    const merged = await reloadGraphModel(mergeLora(adapted));
    expect(largestDifference(graphOutputs(merged, x), expected)).toBeLessThan(1e-5);
    expect(graphOutputs(await reloadGraphModel(unloadLora(adapted)), x)).toEqual(start);

    setAdapterStrength(adapted, 0.5);
    setAdapterStrength(adaptedLayers, 0.5);
    expect(largestDifference(graphOutputs(adapted, x), outputsOf(adaptedLayers, [x]))).toBeLessThan(1e-5);
    setAdapterStrength(adapted, 0);
    expect(graphOutputs(adapted, x)).toEqual(start);
    setAdapterStrength(adapted, 1);
    disableAdapters(adapted);
    expect(graphOutputs(adapted, x)).toEqual(start);
    enableAdapters(adapted);
    expect(largestDifference(graphOutputs(adapted, x), expected)).toBeLessThan(1e-5);
  });
}

test('biases and DoRA magnitudes give the outputs of the same layers', async () => {
  const { layers, graph, input } = imageTwins();
  const config: LoraConfig = {
    rank: 2,
    alpha: 3,
    dora: true,
    bias: 'all',
    modulesToSave: ['plain_conv'],
    exclude: ['depthwise'],
  };
  const adaptedLayers = injectIntoLayers(layers, config);
  randomizeAdapter(adaptedLayers);
  const adapted = injectLora(await graph(), config);
  copyAdapter(adaptedLayers, adapted);
  const x = input();
  const expected = outputsOf(adaptedLayers, [x]);
  expect(largestDifference(graphOutputs(adapted, x), expected)).toBeLessThan(1e-5);
  expect(largestDifference(graphOutputs(mergeLora(adapted), x), expected)).toBeLessThan(1e-5);
});

test('an adapted model works after its base is disposed, and frees all of its memory', async () => {
  const { graph, input } = imageTwins();
  const x = input();
  const before = tf.memory().numTensors;
  const base = await graph();
  const start = graphOutputs(base, x);
  const loaded = tf.memory().numTensors;
  const adapted = injectLora(base, { rank: 2 });
  graphOutputs(adapted, x);
  const merged = mergeLora(adapted);
  const unloaded = unloadLora(adapted);
  base.dispose();
  expect(graphOutputs(adapted, x)).toEqual(start);
  expect(graphOutputs(unloaded, x)).toEqual(start);
  adapted.dispose();
  expect(graphOutputs(merged, x)).toEqual(start);
  merged.dispose();
  unloaded.dispose();
  expect(loaded).toBeGreaterThan(before);
  expect(tf.memory().numTensors).toBe(before);
});
