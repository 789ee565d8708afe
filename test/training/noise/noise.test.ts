import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compileFunction } from '../../../src/graph/index.ts';
import { uniformNoise } from '../../../src/training/noise/hash.ts';
import { withSeededDropout } from '../../../src/training/noise/with-noise.ts';
import { lossesOf } from '../../helpers/engines.ts';
import { randomLayers } from '../../helpers/layer-kinds.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const values = (shape: number[], key: Parameters<typeof uniformNoise>[1]) =>
  tf.tidy(() => uniformNoise(shape, key).dataSync());

test('numbers lie in [0, 1), are spread evenly and do not follow one another', () => {
  const drawn = values([100_000], { seed: 1, step: 2, draw: 3 });
  const bins = new Array<number>(20).fill(0);
  let products = 0;
  drawn.forEach((value, index) => {
    bins[Math.floor(value * 20)]! += 1;
    products += (value - 0.5) * ((drawn[index + 1] ?? 0.5) - 0.5);
  });
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...drawn)).toBeLessThan(1);
  // Chi-squared with 19 degrees of freedom exceeds 43.8 once in a thousand times.
  expect(bins.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0)).toBeLessThan(43.8);
  expect(Math.abs(products / 100_000)).toBeLessThan(0.001);
});

test('another seed, step or draw gives other numbers; the same key the same', () => {
  const keys = [
    { seed: 0, step: 0, draw: 0 },
    { seed: 1, step: 0, draw: 0 },
    { seed: 0, step: 1, draw: 0 },
    { seed: 0, step: 0, draw: 1 },
  ];
  const drawn = keys.map((key) => values([8], key).join());
  expect(new Set(drawn).size).toBe(4);
  expect(values([8], keys[0]!).join()).toBe(drawn[0]);
});

test.for([false, true])('a program draws the very numbers that JavaScript does (jit %s)', (jit) => {
  const draw = compileFunction(
    (step) => uniformNoise([3, 500], { seed: 9, step: step as tf.Scalar, draw: 4 }),
    { jit },
  );
  for (const step of [0, 7, 123_456]) {
    expect(draw(tf.scalar(step, 'int32')).dataSync()).toEqual(values([3, 500], { seed: 9, step, draw: 4 }));
  }
  draw.dispose();
});

test.for<[string, tf.layers.Layer, number, number]>([
  ['Dropout', tf.layers.dropout({ rate: 0.25 }), 1, Math.sqrt(1 / 3)],
  ['GaussianDropout', tf.layers.gaussianDropout({ rate: 0.25 }), 1, Math.sqrt(1 / 3)],
  ['GaussianNoise', tf.layers.gaussianNoise({ stddev: 0.3 }), 1, 0.3],
])('%s keeps the mean and has the spread that it should', ([, layer, mean, deviation]) => {
  const output = tf.tidy(() => {
    const ones = tf.ones([100, 1000]);
    const noisy = withSeededDropout(
      { seed: 1, step: 0 },
      () => layer.apply(ones, { training: true }) as tf.Tensor,
    );
    return Array.from(noisy.dataSync());
  });
  const average = output.reduce((sum, value) => sum + value, 0) / output.length;
  const variance = output.reduce((sum, value) => sum + (value - average) ** 2, 0) / output.length;
  expect(average).toBeCloseTo(mean, 1.5);
  expect(Math.sqrt(variance)).toBeCloseTo(deviation, 1.5);
});

test('AlphaDropout keeps mean and variance of normal inputs', () => {
  const layer = tf.layers.alphaDropout({ rate: 0.3 });
  const { mean, variance } = tf.tidy(() => {
    const input = tf.randomNormal([200, 1000], 0, 1, 'float32', 3);
    const output = withSeededDropout(
      { seed: 1, step: 0 },
      () => layer.apply(input, { training: true }) as tf.Tensor,
    );
    const moments = tf.moments(output);
    return { mean: moments.mean.dataSync()[0]!, variance: moments.variance.dataSync()[0]! };
  });
  expect(mean).toBeCloseTo(0, 1.5);
  expect(variance).toBeCloseTo(1, 1.5);
});

test('SpatialDropout1D drops whole channels', () => {
  const layer = tf.layers.spatialDropout1d({ rate: 0.5 });
  const output = tf.tidy(
    () =>
      withSeededDropout(
        { seed: 1, step: 0 },
        () => layer.apply(tf.ones([4, 5, 6]), { training: true }) as tf.Tensor3D,
      ).arraySync() as number[][][],
  );
  for (const rows of output) for (const row of rows) expect(row).toEqual(rows[0]);
  expect(new Set(output.flat(2))).toEqual(new Set([0, 2]));
});

test('outside, and when not training, the layers are as tfjs made them', () => {
  const layer = tf.layers.dropout({ rate: 0.5 });
  const call = layer.call;
  const ones = tf.ones([4, 4]);
  withSeededDropout({ seed: 1, step: 0 }, () => {
    expect((layer.apply(ones, { training: false }) as tf.Tensor).dataSync()).toEqual(ones.dataSync());
  });
  expect(layer.call).toBe(call);
  expect(() =>
    withSeededDropout({ seed: 1, step: 0 }, () => {
      throw new Error('mine');
    }),
  ).toThrow('mine');
  expect(layer.call).toBe(call);
});

test.for(Object.entries(randomLayers))(
  '%s draws the same in the graph as eagerly, and other masks for another seed',
  ([, model]) => {
    const eager = lossesOf('eager', smallTask({ model: model() }), 12);
    expect(largestDifference(lossesOf('graph', smallTask({ model: model() }), 12), eager)).toBeLessThan(1e-5);
    expect(
      largestDifference(lossesOf('graph', smallTask({ model: model(), seed: 1 }), 12), eager),
    ).toBeGreaterThan(1e-3);
  },
);
