import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { startLoss } from '../../src/cli/actions/start-loss.ts';
import { shuffledSampler } from '../../src/mnist-data-loader/index.ts';
import { mnistNormalization as normalization } from '../../src/models/index.ts';
import { smallNet, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('the loss that an adapter starts from is the same in every run, also where layers draw at random', () => {
  const model = smallNet({ layers: [tf.layers.dropout({ rate: 0.5 })] });
  const lossOf = (seed: number) =>
    startLoss(shuffledSampler({ rows: 60, seed: 1 }), {
      ...{ dataset: stripes(), normalization, batchSize: 6, seed },
      optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    })(model).dataSync()[0];
  expect(lossOf(4)).toBe(lossOf(4));
  expect(lossOf(4)).not.toBe(lossOf(5));
});
