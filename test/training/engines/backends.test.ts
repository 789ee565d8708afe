import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { evaluate } from '../../../src/inference/evaluate.ts';
import { shuffledSampler } from '../../../src/mnist-data-loader/index.ts';
import { mnistNormalization as normalization } from '../../../src/models/index.ts';
import { loadTensorFlow } from '../../../src/tensorflow/index.ts';
import { EagerEngine } from '../../../src/training/engines/eager.ts';
import type { LossName } from '../../../src/training/index.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { smallNet, smallTask, stripes } from '../../helpers/small-task.ts';

const classWeights = [1, 2, 0.5];

async function trainOn(device: 'cpu' | 'wasm' | 'js') {
  await loadTensorFlow({ device });
  const model = smallNet();
  const task = smallTask({ model, classWeights });
  const engine = new EagerEngine(task);
  const losses = engine.run(shuffledSampler({ rows: 60, seed: 1 }).take(0, 30 * 6));
  const { predictions, confidences, loss } = evaluate(model, stripes(), { normalization });
  engine.dispose();
  return { losses, predictions, confidences, loss };
}

test.for(['wasm', 'js'] as const)('%s trains and evaluates as native TensorFlow does', async (device) => {
  const native = await trainOn('cpu');
  const other = await trainOn(device);
  expect(largestDifference(other.losses, native.losses)).toBeLessThan(1e-5);
  expect(other.predictions).toEqual(native.predictions);
  expect(largestDifference(other.confidences, native.confidences)).toBeLessThan(1e-5);
  expect(other.loss).toBeCloseTo(native.loss, 5);
});

test.for<LossName>(['binary-cross-entropy', 'mean-squared-error'])('%s trains on wasm', async (loss) => {
  await loadTensorFlow({ device: 'wasm' });
  const task = smallTask({ model: smallNet({ units: 1 }), loss });
  const losses = new EagerEngine(task).run(shuffledSampler({ rows: 60, seed: 1 }).take(0, 40 * 6));
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
});

test.for(['wasm', 'js'] as const)(
  '%s: a state holds what steps change, and nothing that is frozen',
  async (device) => {
    await loadTensorFlow({ device });
    const model = smallNet({ layers: [tf.layers.batchNormalization({ name: 'norm' })] });
    model.getLayer('hidden').trainable = false;
    const engine = new EagerEngine(smallTask({ model }));
    expect([...engine.state().weights.keys()].sort()).toEqual([
      'norm/beta',
      'norm/gamma',
      'norm/moving_mean',
      'norm/moving_variance',
      'out/bias',
      'out/kernel',
    ]);
    engine.dispose();
  },
);
