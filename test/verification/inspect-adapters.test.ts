import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, loraLayers } from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { adapterWarnings, inspectAdapters } from '../../src/verification/index.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const SMALL = { inputSize: 12, classes: 3, seed: 3 };

test('compares the norm of an update with the norm of its kernel', () => {
  const model = injectLora(createDigitsNet(SMALL), { rank: 2, alpha: 6, targets: ['linear3'] });
  disturbAdapters(model);
  const [inspected] = inspectAdapters(model);
  const { layer } = loraLayers(model).find(({ path }) => path === 'linear3')!;
  const kernel = layer.baseWeights.get('kernel')!.read();
  const update = tf.sub(layer.mergedWeight('kernel'), kernel);
  const norm = tf.norm(update).dataSync()[0]!;
  expect(inspected).toMatchObject({
    path: 'linear3',
    type: 'Dense',
    kernelShape: [128, 3],
    rank: 2,
    scaling: 3,
    trainableParameters: 2 * (128 + 3),
  });
  // The norms are sums in float32 and double precision, which differ in the seventh digit.
  expect(inspected!.updateNorm).toBeCloseTo(norm, 3);
  expect(inspected!.updateShare).toBeCloseTo(norm / tf.norm(kernel).dataSync()[0]!, 4);
  expect(inspected!.singularValues!.length).toBe(2);
  expect(Math.hypot(...inspected!.singularValues!)).toBeCloseTo(norm, 3);
  expect(inspected!.effectiveRank).toBeGreaterThan(1);
  expect(inspected!.effectiveRank).toBeLessThanOrEqual(2);
});

test('warns about adapters that change nothing, on all layers or on some', () => {
  const model = injectLora(createDigitsNet(SMALL), { rank: 2, alpha: 2 });
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    "adapter 'default' changes nothing (its update is zero on every layer); train it",
  ]);
  disturbAdapters(model, 0, 0.01);
  const { layer } = loraLayers(model).find(({ path }) => path === 'linear2')!;
  const b = layer.adapters.get('default')!.updates.get('kernel')!.b.read() as tf.Variable;
  b.assign(tf.zerosLike(b));
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    "adapter 'default' changes nothing at linear2 (its update is zero there); check these layers for dead units",
  ]);
});

test('suggests the alpha that fits, for a layer with another rank than the others', () => {
  const config = { rankPattern: { linear2: 2 }, rank: 4, alpha: 6 };
  const model = injectLora(createDigitsNet({ inputSize: 12, classes: 5, seed: 3 }), config);
  disturbAdapters(model, 0, 0.01);
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    "'linear2' has rank 2 but the same alpha (6) as layers of rank 4, so its update is scaled by 3 instead of 1.5; use alpha 3 to scale it equally",
  ]);
  const rslora = injectLora(createDigitsNet({ inputSize: 12, classes: 5, seed: 3 }), {
    ...config,
    rslora: true,
  });
  disturbAdapters(rslora, 0, 0.01);
  expect(adapterWarnings(inspectAdapters(rslora))).toEqual([]);
});

test('warns about an update that is larger than its kernel', () => {
  const model = injectLora(createDigitsNet(SMALL), { rank: 2, alpha: 200, targets: ['linear3'] });
  disturbAdapters(model);
  expect(adapterWarnings(inspectAdapters(model))).toEqual([
    expect.stringMatching(/^the update of 'linear3' is [\d.]+ times as large as its kernel; use a smaller/),
  ]);
});
