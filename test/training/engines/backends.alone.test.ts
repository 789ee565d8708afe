import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { evaluate } from '../../../src/inference/index.ts';
import { mnistNormalization as normalization } from '../../../src/models/index.ts';
import { loadTensorFlow } from '../../../src/tensorflow/index.ts';
import type { LossName } from '../../../src/training/index.ts';
import { engineOf, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { smallNet, smallTask, stripes } from '../../helpers/small-task.ts';

async function trainAndEvaluate(device: 'cpu' | 'wasm' | 'js') {
  await loadTensorFlow({ device });
  const model = smallNet();
  const task = smallTask({ model, classWeights: [1, 2, 0.5] });
  const engine = engineOf('eager', task);
  const losses = engine.run(rowsOf(task, 30));
  const { predictions, confidences, loss } = evaluate(model, stripes(), { normalization });
  engine.dispose();
  return { losses, predictions, confidences, loss };
}

test.for(['wasm', 'js'] as const)('%s trains and evaluates like native TensorFlow', async (device) => {
  const native = await trainAndEvaluate('cpu');
  const actual = await trainAndEvaluate(device);
  // float32 rounding, over 30 steps
  expect(largestDifference(actual.losses, native.losses)).toBeLessThan(1e-5);
  expect(actual.predictions).toEqual(native.predictions);
  expect(largestDifference(actual.confidences, native.confidences)).toBeLessThan(1e-5);
  expect(actual.loss).toBeCloseTo(native.loss, 5);
});

test.for<LossName>(['binary-cross-entropy', 'mean-squared-error'])('wasm trains with %s', async (loss) => {
  await loadTensorFlow({ device: 'wasm' });
  const losses = lossesOf('eager', smallTask({ model: smallNet({ units: 1 }), loss }), 40);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
});

test.for(['wasm', 'js'] as const)(
  'the state on %s has the weights that steps change, and no frozen ones',
  async (device) => {
    await loadTensorFlow({ device });
    const model = smallNet({ layers: [tf.layers.batchNormalization({ name: 'norm' })] });
    model.getLayer('hidden').trainable = false;
    const engine = engineOf('eager', smallTask({ model }));
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
