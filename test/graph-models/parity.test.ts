import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, mergeLora, unloadLora } from '../../src/graph-models/index.ts';
import {
  disableAdapters,
  enableAdapters,
  injectLora as injectIntoLayers,
  type LoraConfig,
  loraLayers,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { reloadGraphModel } from '../helpers/graph-models.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { layerAt, onlyUpdate, outputsOf, randomizeAdapter } from '../lora/models.ts';
import { copyAdapter, graphOutputs, imageTwins, type Twins, tokenTwins } from './twins.ts';

useDevice();

const models: Record<string, () => Twins> = { imageTwins, tokenTwins };
const configs: LoraConfig[] = [
  { rank: 2, alpha: 6 },
  { rank: 3, alpha: 2, rslora: true, method: 'weight' },
  { rank: 2, alpha: 6, dora: true },
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

test('EVA starts from the inputs of dense nodes like the same layers', async () => {
  const { layers, graph, input } = imageTwins();
  const batches = [input(), tf.mul(input(), 2)];
  const config: LoraConfig = { rank: 1, alpha: 3, init: 'eva', targets: ['hidden', 'out'] };
  const adaptedLayers = injectIntoLayers(layers, config, { batches });
  const adapted = injectLora(await graph(), config, { batches });
  const found = loraLayers(adapted);
  expect(found.map(({ path }) => path)).toEqual(loraLayers(adaptedLayers).map(({ path }) => path));
  for (const { path, layer } of found) {
    const expected = onlyUpdate(layerAt(adaptedLayers, path)).a.read();
    expect(largestDifference(onlyUpdate(layer).a.read().dataSync(), expected.dataSync())).toBeLessThan(1e-4);
  }
  const x = input();
  expect(graphOutputs(adapted, x)).toEqual(graphOutputs(await graph(), x));
});

test('biases and DoRA magnitudes give the outputs of the same layers', async () => {
  const { layers, graph, input } = imageTwins();
  const config: LoraConfig = {
    rank: 2,
    alpha: 3,
    dora: true,
    bias: 'all',
    modulesToSave: ['plain_conv'],
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
