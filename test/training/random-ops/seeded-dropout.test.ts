import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compileFunction } from '../../../src/graph/index.ts';
import { withSeededDropout } from '../../../src/training/index.ts';
import { hashedUniform } from '../../../src/training/random-ops/uniform.ts';
import { lossesOf } from '../../helpers/engines.ts';
import { randomLayers } from '../../helpers/layer-kinds.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const draw = (shape: number[], key: Parameters<typeof hashedUniform>[1]) =>
  tf.tidy(() => hashedUniform(shape, key).dataSync());

test('uniform numbers are in [0, 1), evenly distributed and uncorrelated', () => {
  const values = draw([100_000], { seed: 1, step: 2, draw: 3 });
  const bins = new Array<number>(20).fill(0);
  let products = 0;
  values.forEach((value, index) => {
    bins[Math.floor(value * 20)]! += 1;
    products += (value - 0.5) * ((values[index + 1] ?? 0.5) - 0.5);
  });
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  // Chi-squared with 19 degrees of freedom exceeds 43.8 with a probability of 0.1 %.
  expect(bins.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0)).toBeLessThan(43.8);
  // The mean of products of independent numbers has a standard deviation of 1/12 / sqrt(100,000) = 0.00026.
  expect(Math.abs(products / 100_000)).toBeLessThan(0.001);
});

test('numbers differ for another seed, step or draw, and repeat for the same key', () => {
  const keys = [
    { seed: 0, step: 0, draw: 0 },
    { seed: 1, step: 0, draw: 0 },
    { seed: 0, step: 1, draw: 0 },
    { seed: 0, step: 0, draw: 1 },
  ];
  const draws = keys.map((key) => draw([8], key).join());
  expect(new Set(draws).size).toBe(4);
  expect(draw([8], keys[0]!).join()).toBe(draws[0]);
});

test.for([false, true])('a compiled function draws the same numbers as JavaScript (jit %s)', (jit) => {
  const compiled = compileFunction(
    (step) => hashedUniform([3, 500], { seed: 9, step: step as tf.Scalar, draw: 4 }),
    { jit },
  );
  for (const step of [0, 7, 123_456]) {
    const values = compiled(tf.scalar(step, 'int32')).dataSync();
    expect(values).toEqual(draw([3, 500], { seed: 9, step, draw: 4 }));
  }
  compiled.dispose();
});

/** Applies a random layer while training. */
const applySeeded = (layer: tf.layers.Layer, input: tf.Tensor) =>
  withSeededDropout({ seed: 1, step: 0 }, () => layer.apply(input, { training: true }) as tf.Tensor);

test.for<[string, tf.layers.Layer, number]>([
  ['Dropout', tf.layers.dropout({ rate: 0.25 }), Math.sqrt(1 / 3)],
  ['GaussianDropout', tf.layers.gaussianDropout({ rate: 0.25 }), Math.sqrt(1 / 3)],
  ['GaussianNoise', tf.layers.gaussianNoise({ stddev: 0.3 }), 0.3],
])('%s keeps the mean of ones and has the right standard deviation', ([, layer, stddev]) => {
  const values = tf.tidy(() => Array.from(applySeeded(layer, tf.ones([100, 1000])).dataSync()));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  // Both estimates have a standard error below 0.003, and the numbers are seeded.
  expect(mean).toBeCloseTo(1, 1.5);
  expect(Math.sqrt(variance)).toBeCloseTo(stddev, 1.5);
});

test('AlphaDropout keeps mean and variance of normal inputs', () => {
  const layer = tf.layers.alphaDropout({ rate: 0.3 });
  const { mean, variance } = tf.tidy(() => {
    const moments = tf.moments(applySeeded(layer, tf.randomNormal([200, 1000], 0, 1, 'float32', 3)));
    return { mean: moments.mean.dataSync()[0]!, variance: moments.variance.dataSync()[0]! };
  });
  expect(mean).toBeCloseTo(0, 1.5);
  expect(variance).toBeCloseTo(1, 1.5);
});

test('SpatialDropout1D drops whole channels', () => {
  const layer = tf.layers.spatialDropout1d({ rate: 0.5 });
  const output = tf.tidy(() => applySeeded(layer, tf.ones([4, 5, 6])).arraySync()) as number[][][];
  for (const steps of output) for (const channels of steps) expect(channels).toEqual(steps[0]);
  expect(new Set(output.flat(2))).toEqual(new Set([0, 2]));
});

test('layers are unchanged when not training, and after the call', () => {
  const layer = tf.layers.dropout({ rate: 0.5 });
  const call = layer.call;
  const ones = tf.ones([4, 4]);
  withSeededDropout({ seed: 1, step: 0 }, () => {
    expect((layer.apply(ones, { training: false }) as tf.Tensor).dataSync()).toEqual(ones.dataSync());
  });
  expect(layer.call).toBe(call);
  const fail = () => {
    throw new Error('inside');
  };
  expect(() => withSeededDropout({ seed: 1, step: 0 }, fail)).toThrow('inside');
  expect(layer.call).toBe(call);
});

test.for(Object.entries(randomLayers))(
  '%s draws the same masks in a graph as eagerly, and others for another seed',
  ([, model]) => {
    const eager = lossesOf('eager', smallTask({ model: model() }), 12);
    const graph = lossesOf('graph', smallTask({ model: model() }), 12);
    const otherSeed = lossesOf('graph', smallTask({ model: model(), seed: 1 }), 12);
    expect(largestDifference(graph, eager)).toBeLessThan(1e-5);
    expect(largestDifference(otherSeed, eager)).toBeGreaterThan(1e-3);
  },
);
