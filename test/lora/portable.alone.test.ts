import * as tf from '@tensorflow/tfjs';
import { afterEach, expect, test } from 'vitest';
import { injectLora, mergeLora, setAdapterStrength } from '../../src/lora/index.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { outputsOf, randomizeAdapter, sequential } from './models.ts';

afterEach(() => tf.disposeVariables());

test.each(['js', 'wasm'] as const)(
  'device %s: adapters train and merge, and at strength 0 the outputs are those of the base',
  async (device) => {
    await loadTensorFlow({ device });
    const base = sequential(
      tf.layers.conv2d({ inputShape: [6, 6, 2], filters: 4, kernelSize: 3, activation: 'relu' }),
      tf.layers.flatten(),
      tf.layers.dense({ name: 'hidden', units: 5, activation: 'relu' }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    );
    const trained = injectLora(base, { rank: 2, alpha: 3, bias: 'lora-only', dora: true });
    trained.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    await trained.fit(tf.ones([4, 6, 6, 2]), tf.ones([4, 3]), { epochs: 2, verbose: 0 });
    expect(largestDifference(outputsOf(trained), outputsOf(base))).toBeGreaterThan(1e-4);
    const adapted = injectLora(base, { rank: 2, alpha: 3, bias: 'all', dora: true });
    expect(largestDifference(outputsOf(adapted), outputsOf(base))).toBeLessThan(1e-6);
    randomizeAdapter(adapted);
    expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
    setAdapterStrength(adapted, 0);
    expect(outputsOf(adapted)).toEqual(outputsOf(base));
  },
);

test.each(['js', 'wasm'] as const)(
  'device %s: adapters of recurrent layers train and merge, and at strength 0 the outputs are those of the base',
  async (device) => {
    await loadTensorFlow({ device });
    const base = sequential(
      tf.layers.lstm({ inputShape: [4, 2], units: 3, returnSequences: true }),
      tf.layers.gru({ units: 3 }),
    );
    const adapted = injectLora(base, { rank: 2, alpha: 3, bias: 'all' });
    expect(outputsOf(adapted)).toEqual(outputsOf(base));
    adapted.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    await adapted.fit(tf.ones([4, 4, 2]), tf.ones([4, 3]), { epochs: 2, verbose: 0 });
    expect(largestDifference(outputsOf(adapted), outputsOf(base))).toBeGreaterThan(1e-4);
    expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
    setAdapterStrength(adapted, 0);
    expect(outputsOf(adapted)).toEqual(outputsOf(base));
  },
);
