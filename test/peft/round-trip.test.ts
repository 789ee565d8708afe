import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import {
  activeAdapters,
  adapterNames,
  addAdapter,
  injectLora,
  type LoraConfig,
  loraLayers,
  setActiveAdapters,
} from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { loadPeft, savePeft } from '../../src/peft/index.ts';
import { readSafetensors, safeTensor, writeSafetensors } from '../../src/safetensors/index.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { withSeededWeights } from '../helpers/seeded-weights.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { torchModels } from '../helpers/torch-models.ts';

useDevice();

const SMALL = { inputSize: 12, classes: 3, seed: 3 };

function convNet(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ name: 'conv', filters: 4, kernelSize: 2, dilationRate: 2, inputShape: [5, 6, 2] }),
      tf.layers.depthwiseConv2d({ name: 'deep', kernelSize: 2, depthMultiplier: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ name: 'out', units: 3 }),
    ],
  });
  return withSeededWeights(model);
}

/** A model with a PReLU layer, which has no counterpart in PyTorch. */
function preluNet(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'in', units: 6, inputShape: [4] }),
      tf.layers.prelu({ name: 'slope' }),
      tf.layers.dense({ name: 'out', units: 3 }),
    ],
  });
  return withSeededWeights(model);
}

const CASES: readonly (readonly [string, () => tf.LayersModel, LoraConfig])[] = [
  ['method side', () => createDigitsNet(SMALL), { rank: 2, alpha: 5 }],
  ['method weight', () => createDigitsNet(SMALL), { rank: 2, alpha: 5, method: 'weight' }],
  [
    'method weight-view',
    () => createDigitsNet(SMALL),
    { rank: 2, alpha: 5, method: 'weight-view', init: 'normal' },
  ],
  ['PiSSA', () => createDigitsNet(SMALL), { rank: 3, alpha: 4, init: 'pissa', rankPattern: { linear2: 1 } }],
  ['OLoRA with rsLoRA', () => createDigitsNet(SMALL), { rank: 2, alpha: 5, init: 'olora', rslora: true }],
  [
    'dropout and biases',
    () => createDigitsNet(SMALL),
    { rank: 2, alpha: 5, dropout: 0.25, bias: 'lora-only' },
  ],
  ['depthwise and dilated convolutions', convNet, { rank: 2, alpha: 5 }],
  ['DoRA of depthwise and dilated convolutions', convNet, { rank: 2, alpha: 5, dora: true }],
  [
    'a fully trained layer without a counterpart in PyTorch',
    preluNet,
    { rank: 2, targets: ['in'], modulesToSave: ['slope'] },
  ],
  ['PiSSA on depthwise and dilated convolutions', convNet, { rank: 2, alpha: 5, init: 'pissa' }],
];

describe('saving and loading restores settings and values bit for bit:', () => {
  test.each(CASES)('%s', async (_, make, config) => {
    const base = make();
    const model = injectLora(base, config);
    disturbAdapters(model);
    const folder = await temporaryFolder();
    await savePeft(model, folder);
    const loaded = await loadPeft(base, folder);
    expect(loraLayers(loaded).map(({ path, layer }) => [path, layer.method, settingsOf(layer)])).toEqual(
      loraLayers(model).map(({ path, layer }) => [path, layer.method, settingsOf(layer)]),
    );
    expect(await valuesOf(loaded)).toEqual(await valuesOf(model));
    await savePeft(loaded, `${folder}-again`);
    for (const file of ['adapter_config.json', 'adapter_model.safetensors']) {
      expect(await readFile(join(`${folder}-again`, file))).toEqual(await readFile(join(folder, file)));
    }
  });
});

describe('an adapter that PEFT cannot represent', () => {
  test('is not saved with peftOnly, and the error says why', async () => {
    const folder = await temporaryFolder();
    const weightView = injectLora(createDigitsNet(SMALL), { method: 'weight-view', rank: 2, init: 'normal' });
    await expect(savePeft(weightView, folder, { peftOnly: true })).rejects.toThrow(
      /adapter 'default' cannot be saved for PEFT, which does not support method 'weight-view'$/,
    );
    await expect(savePeft(injectLora(convNet(), { rank: 2 }), folder, { peftOnly: true })).rejects.toThrow(
      /the dilated convolution 'conv'.*; the depthwise convolution 'deep'/,
    );
  });

  test('is saved with a type that PEFT rejects', async () => {
    const folder = await temporaryFolder();
    await savePeft(
      injectLora(createDigitsNet(SMALL), { method: 'weight-view', rank: 2, init: 'normal' }),
      folder,
    );
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
    expect(config.peft_type).toBe('TFJS_LORA');
  });
});

test('rejects a fully trained batch normalization whose running mean differs from the base', async () => {
  const folder = await temporaryFolder();
  const base = torchModels.cnn();
  await savePeft(injectLora(base, { rank: 2, targets: ['stem'], modulesToSave: ['block.norm'] }), folder);
  (await loadPeft(base, folder)).dispose();
  const path = join(folder, 'adapter_model.safetensors');
  const { tensors, metadata } = await readSafetensors(path);
  const name = 'base_model.model.block.norm.running_mean';
  const otherMean = safeTensor(Float32Array.of(1, 2, 3, 4, 5, 6), [6]);
  await writeSafetensors(path, new Map(tensors).set(name, otherMean), metadata);
  await expect(loadPeft(base, folder)).rejects.toThrow(/block.norm.running_mean differs from the base's/);
});

describe('loading onto another base', () => {
  test('throws an error with both content hashes, unless anyBase is set', async () => {
    const folder = await temporaryFolder();
    const base = createDigitsNet(SMALL);
    const otherBase = createDigitsNet({ ...SMALL, seed: 4 });
    const model = injectLora(base, { rank: 2, alpha: 5 });
    disturbAdapters(model);
    await savePeft(model, folder);
    await expect(loadPeft(otherBase, folder)).rejects.toThrow(
      new RegExp(
        `trained on a base with content hash ${contentHash(base)}, this base has ${contentHash(otherBase)}`,
      ),
    );
    (await loadPeft(otherBase, folder, { anyBase: true })).dispose();
    (await loadPeft(base, folder)).dispose();
  });

  test('also throws if only an activation differs', async () => {
    const folder = await temporaryFolder();
    const base = createDigitsNet({ ...SMALL, head: 'relu' });
    await savePeft(injectLora(base, { rank: 2 }), folder);
    await expect(loadPeft(createDigitsNet({ ...SMALL, head: 'linear' }), folder)).rejects.toThrow(
      /content hash/,
    );
  });
});

test('saves an adapter not named default in a subfolder, as PEFT does', async () => {
  const folder = await temporaryFolder();
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2, alpha: 5 }, { adapter: 'sevens' });
  disturbAdapters(model);
  await savePeft(model, folder);
  const loaded = await loadPeft(base, folder, { adapter: 'sevens' });
  expect(await valuesOf(loaded)).toEqual(await valuesOf(model));
  await expect(savePeft(model, folder, { adapter: 'eights' })).rejects.toThrow(
    "unknown adapter 'eights'; the model's adapters are sevens",
  );
});

test('restores only the adapted layer if another path ends in its name', async () => {
  const within = tf.input({ shape: [4] });
  const hidden = tf.layers.dense({ name: 'a', units: 4 }).apply(within) as tf.SymbolicTensor;
  const block = tf.model({ name: 'block', inputs: within, outputs: hidden });
  const input = tf.input({ shape: [4] });
  const outputs = tf.layers
    .dense({ name: 'a', units: 3 })
    .apply(block.apply(input) as tf.SymbolicTensor) as tf.SymbolicTensor;
  const base = withSeededWeights(tf.model({ inputs: input, outputs }));
  const model = injectLora(base, { rank: 2, alpha: 5, targets: /a/ });
  disturbAdapters(model);
  const folder = await temporaryFolder();
  await savePeft(model, folder);
  const loaded = await loadPeft(base, folder);
  expect(
    loraLayers(loaded)
      .filter(({ layer }) => layer.adapters.size > 0)
      .map(({ path }) => path),
  ).toEqual(['a']);
  const rows = tf.randomNormal([4, 4], 0, 1, 'float32', 1);
  expect((loaded.predict(rows) as tf.Tensor).dataSync()).toEqual(
    (model.predict(rows) as tf.Tensor).dataSync(),
  );
});

test('loads several adapters, the first one active, and rejects a name that is taken', async () => {
  const folder = await temporaryFolder();
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2, alpha: 5 });
  addAdapter(model, 'sevens', { rank: 3, alpha: 4, targets: ['linear2'] });
  disturbAdapters(model);
  setActiveAdapters(model, ['sevens']);
  disturbAdapters(model);
  const input = tf.randomNormal([4, 12], 0, 1, 'float32', 1);
  const sevens = (model.predict(input) as tf.Tensor).dataSync();
  await savePeft(model, folder);

  const loaded = await loadPeft(base, folder);
  expect(await loadPeft(loaded, folder, { adapter: 'sevens' })).toBe(loaded);
  expect(activeAdapters(loaded)).toEqual(['default']);
  setActiveAdapters(loaded, ['sevens']);
  expect((loaded.predict(input) as tf.Tensor).dataSync()).toEqual(sevens);

  const duplicate = loadPeft(loaded, folder, { adapter: 'sevens' });
  await expect(duplicate).rejects.toThrow("adapter 'sevens': already exists");
  expect(adapterNames(loaded)).toEqual(['default', 'sevens']);
});

test('saving and loading leaves no tensors behind', async () => {
  const folder = await temporaryFolder();
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2, init: 'pissa' });
  const before = tf.memory().numTensors;
  await savePeft(model, folder);
  (await loadPeft(base, folder)).dispose();
  expect(tf.memory().numTensors).toBe(before);
});

function settingsOf(layer: ReturnType<typeof loraLayers>[number]['layer']) {
  return [...layer.adapters.values()].map(({ settings }) => settings);
}

async function valuesOf(model: tf.LayersModel) {
  return Promise.all(model.weights.map(async (weight) => [weight.originalName, await weight.read().data()]));
}
