import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, loraLayers } from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { adapterWarnings, deadUnits, inspectAdapters } from '../../src/verification/index.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const SMALL = { inputSize: 12, classes: 3, seed: 3 };

test('an update is measured against its kernel', () => {
  const model = injectLora(createDigitsNet(SMALL), { rank: 2, alpha: 6, targets: ['linear3'] });
  disturbAdapters(model);
  const [inspected] = inspectAdapters(model);
  const { layer } = loraLayers(model).find(({ path }) => path === 'linear3')!;
  const kernel = layer.baseWeights.get('kernel')!.read();
  const update = tf.sub(layer.effectiveWeight('kernel'), kernel);
  const norm = tf.norm(update).dataSync()[0]!;
  expect(inspected).toMatchObject({
    path: 'linear3',
    type: 'Dense',
    kernelShape: [128, 3],
    rank: 2,
    scaling: 3,
    trainableParameters: 2 * (128 + 3),
  });
  expect(inspected!.updateNorm).toBeCloseTo(norm, 3);
  expect(inspected!.updateShare).toBeCloseTo(norm / tf.norm(kernel).dataSync()[0]!, 4);
  expect(inspected!.singularValues!.length).toBe(2);
  expect(Math.hypot(...inspected!.singularValues!)).toBeCloseTo(norm, 3);
  expect(inspected!.effectiveRank).toBeGreaterThan(1);
  expect(inspected!.effectiveRank).toBeLessThanOrEqual(2);
});

test('an untrained adapter is called that, whole or in part', () => {
  const model = injectLora(createDigitsNet(SMALL), { rank: 2, alpha: 2 });
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    "adapter 'default' changes nothing: every B is zero; train it",
  ]);
  disturbAdapters(model, 0, 0.01);
  const { layer } = loraLayers(model).find(({ path }) => path === 'linear2')!;
  const b = layer.adapters.get('default')!.b!.read() as tf.Variable;
  b.assign(tf.zerosLike(b));
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    "adapter 'default' changes nothing at linear2: B is zero there; are these layers dead?",
  ]);
});

test('an alpha that was meant for another rank is named with the one that fits', () => {
  const patterns = { rankPattern: { linear2: 2 }, rank: 4, alpha: 6 };
  const model = injectLora(createDigitsNet({ inputSize: 12, classes: 5, seed: 3 }), { ...patterns });
  disturbAdapters(model, 0, 0.01);
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    "'linear2' has rank 2 and the alpha 6 of layers of rank 4: its update is scaled by 3, theirs by 1.5; an alpha of 3 would be the same",
  ]);
  const rooted = injectLora(createDigitsNet({ inputSize: 12, classes: 5, seed: 3 }), {
    ...patterns,
    rslora: true,
  });
  disturbAdapters(rooted, 0, 0.01);
  expect(adapterWarnings(inspectAdapters(rooted))).toEqual([]);
});

test('an update that outweighs its kernel is pointed out', () => {
  const model = injectLora(createDigitsNet(SMALL), { rank: 2, alpha: 200, targets: ['linear3'] });
  disturbAdapters(model);
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    expect.stringMatching(/^the update of 'linear3' is [\d.]+ times its kernel; train with a smaller/),
  ]);
});

test('units that no example wakes are found, with those of hidden layers', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'hidden', units: 4, inputShape: [2], activation: 'relu' }),
      tf.layers.dense({ name: 'out', units: 3, activation: 'relu' }),
    ],
  });
  model.getLayer('hidden').setWeights([tf.ones([2, 4]), tf.tensor1d([0, -1e3, 0, -1e3])]);
  model.getLayer('out').setWeights([tf.ones([4, 3]), tf.tensor1d([0, 0, -1e4])]);
  const inputs = [
    tf.tensor2d([
      [1, 2],
      [-3, 1],
    ]),
  ];
  const before = tf.memory().numTensors;
  expect(deadUnits(model, inputs)).toEqual([
    { path: 'hidden', units: 4, dead: [1, 3], isOutput: false },
    { path: 'out', units: 3, dead: [2], isOutput: true },
  ]);
  expect(tf.memory().numTensors).toBe(before);
});
