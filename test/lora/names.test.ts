import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { addAdapter, injectLora, loraLayers, mergeLora, setActiveAdapters } from '../../src/lora/index.ts';
import { cloneModel } from '../../src/models/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { outputsOf, randomizeAdapter, sequential } from './models.ts';

useDevice();

test('adapts the layer inside a TimeDistributed wrapper', async () => {
  const base = sequential(
    tf.layers.timeDistributed({
      name: 'each',
      inputShape: [3, 4],
      layer: tf.layers.dense({ name: 'inner', units: 5, activation: 'tanh' }),
    }),
    tf.layers.lstm({ name: 'memory', units: 3 }),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  const adapted = injectLora(base, { rank: 2, alpha: 3, targets: ['inner'], bias: 'lora-only' });
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(['each.inner']);
  expect(outputsOf(adapted)).toEqual(outputsOf(base));
  expect(adapted.trainableWeights.map(({ shape }) => shape)).toEqual([[4, 2], [2, 5], [5]]);
  randomizeAdapter(adapted);
  expect(largestDifference(outputsOf(adapted), outputsOf(base))).toBeGreaterThan(1e-3);
  expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
  expect(outputsOf(await reload(adapted))).toEqual(outputsOf(adapted));
});

test('distinguishes adapters and layers of equal or similar names', async () => {
  const base = sequential(
    tf.layers.dense({ name: 'a', inputShape: [4], units: 5 }),
    tf.layers.dense({ name: 'default', units: 5 }),
  );
  const adapted = injectLora(base, { rank: 2, alpha: 3, bias: 'all' });
  addAdapter(adapted, 'data', { rank: 1, alpha: 2, bias: 'all' });
  addAdapter(adapted, 'a', { rank: 3, alpha: 2, bias: 'all' });
  setActiveAdapters(adapted, ['default', 'data', 'a']);
  randomizeAdapter(adapted);
  expect(outputsOf(cloneModel(adapted))).toEqual(outputsOf(adapted));
  expect(outputsOf(await reload(adapted))).toEqual(outputsOf(adapted));
});

test('changing a clone does not change the original', () => {
  const base = sequential(tf.layers.dense({ name: 'a', inputShape: [4], units: 5 }));
  const adapted = injectLora(base, { rank: 2, alpha: 3 });
  const copy = cloneModel(adapted);
  randomizeAdapter(copy);
  expect(outputsOf(adapted)).toEqual(outputsOf(base));
  expect(outputsOf(copy)).not.toEqual(outputsOf(base));
});

test('the error for an unregistered layer class names the class', () => {
  class Doubling extends tf.layers.Layer {
    static className = 'Doubling';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return tf.mul(Array.isArray(inputs) ? inputs[0]! : inputs, 2);
    }
  }
  const base = sequential(tf.layers.dense({ name: 'a', inputShape: [4], units: 5 }), new Doubling({}));
  expect(() => injectLora(base, { rank: 2 })).toThrow(UsageError);
  expect(() => injectLora(base, { rank: 2 })).toThrow(/class 'Doubling'.*registerClass\(Doubling\)/);
  tf.serialization.registerClass(Doubling);
  expect(outputsOf(injectLora(base, { rank: 2 }))).toEqual(outputsOf(base));
});
