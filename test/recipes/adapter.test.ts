import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { shuffledSampler } from '../../src/data/index.ts';
import { mnistNormalization as normalization } from '../../src/models/index.ts';
import { gradientInitLoss } from '../../src/recipes/adapter.ts';
import { classificationTask } from '../../src/training/index.ts';
import { smallNet, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('the loss for a gradient-based initialization depends on the seed alone, also with dropout', () => {
  const net = smallNet({ layers: [tf.layers.dropout({ rate: 0.5 })] });
  const lossOf = (seed: number) => {
    const loss = gradientInitLoss(shuffledSampler({ rows: 60, seed: 1 }), (model) =>
      classificationTask({
        model,
        dataset: stripes(),
        normalization,
        batchSize: 6,
        seed,
        optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
      }),
    );
    return loss(net).dataSync()[0];
  };
  expect(lossOf(4)).toBe(lossOf(4));
  expect(lossOf(4)).not.toBe(lossOf(5));
});
