import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, loraSummary, loraTargets } from '../../src/lora/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { functionalModel, sequential } from './models.ts';

useDevice();

test('lists the layers that can be adapted, with shape, size and rank', () => {
  const model = sequential(
    tf.layers.conv2d({ name: 'conv', inputShape: [6, 6, 1], filters: 4, kernelSize: 3 }),
    tf.layers.batchNormalization({ name: 'norm' }),
    tf.layers.flatten(),
    tf.layers.dense({ name: 'out', units: 3 }),
  );
  expect(loraTargets(model)).toEqual([
    {
      path: 'conv',
      className: 'Conv2D',
      weight: 'kernel',
      shape: [3, 3, 1, 4],
      parametersPerRank: 13,
      usableRank: 4,
      rank: 8,
    },
    {
      path: 'out',
      className: 'Dense',
      weight: 'kernel',
      shape: [64, 3],
      parametersPerRank: 67,
      usableRank: 3,
      rank: 8,
    },
  ]);
  expect(loraTargets(model, { method: 'weight-view' }).map(({ path }) => path)).toEqual(['out']);
});

test('agrees with injectLora, and is the same for the adapted model', () => {
  const config = { targets: ['middle', 'head'], rank: 2, rankPattern: { head: 3 } };
  const base = functionalModel();
  const targets = loraTargets(base, config);
  expect(targets.map(({ path, rank }) => [path, rank])).toEqual([
    ['shared', undefined],
    ['nested.middle', 2],
    ['head', 3],
    ['value', undefined],
  ]);
  const adapted = injectLora(base, config);
  expect(loraTargets(adapted, config)).toEqual(targets);
  const expected = targets.reduce(
    (sum, { rank = 0, parametersPerRank }) => sum + rank * parametersPerRank,
    0,
  );
  expect(loraSummary(adapted).trainableParameters).toBe(expected);
});

test('a model without such layers has no targets', () => {
  expect(loraTargets(sequential(tf.layers.batchNormalization({ inputShape: [3] })))).toEqual([]);
});

test('a pattern that matches no layer is an error', () => {
  expect(() => loraTargets(functionalModel(), { targets: ['nowhere'] })).toThrow(
    /targets 'nowhere': matches no layer/,
  );
});
