import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compileFunction, RecordingError, record } from '../../src/graph/index.ts';
import { memoryCounts } from '../helpers/memory.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test.for([false, true])(
  'returns values, shapes and dtypes of several outputs as the function does (jit %s)',
  (jit) => {
    const fn = (x: tf.Tensor, k: tf.Tensor) => [
      tf.mul(x, 2),
      tf.add(k, 1),
      tf.greater(x, 1),
      tf.argMax(x),
      k,
    ];
    const compiled = compileFunction(fn as (...inputs: tf.Tensor[]) => tf.Tensor[], { jit });
    const inputs = [tf.tensor1d([1, 5, 2]), tf.scalar(7, 'int32')] as const;
    const expected = fn(...inputs);
    const results = compiled(...inputs);
    expect(results.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
      expected.map(({ dtype, shape }) => ({ dtype, shape })),
    );
    expect(results.map((result) => [...result.dataSync()])).toEqual(
      expected.map((result) => [...result.dataSync()]),
    );
    compiled.dispose();
  },
);

test('records each combination of shapes and dtypes once', () => {
  let runs = 0;
  const compiled = compileFunction((x) => {
    runs++;
    return tf.square(x!);
  });
  for (const values of [[1], [2], [1, 2], [3], [2, 3]])
    expect([...compiled(tf.tensor1d(values)).dataSync()]).toEqual(values.map((v) => v * v));
  compiled(tf.tensor1d([1], 'int32'));
  expect(runs).toBe(3 * 2);
  compiled.dispose();
});

test('reads the current values of variables on each call, and assigns to them', () => {
  const w = tf.variable(tf.scalar(1), false);
  const compiled = compileFunction((x) => {
    w.assign(tf.add(w, x!) as tf.Scalar);
    return tf.mul(w, 10);
  });
  expect(compiled(tf.scalar(2)).dataSync()[0]).toBe(30);
  expect(w.dataSync()[0]).toBe(3);
  w.assign(tf.scalar(100));
  expect(compiled(tf.scalar(1)).dataSync()[0]).toBe(1010);
  expect(w.dataSync()[0]).toBe(101);
  compiled.dispose();
});

test.for([false, true])(
  'a compiled model predicts as eagerly, also after its weights have changed (jit %s)',
  (jit) => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ filters: 2, kernelSize: 2, inputShape: [4, 4, 1], activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, activation: 'softmax' }),
      ],
    });
    const compiled = compileFunction((x) => model.apply(x!, { training: false }) as tf.Tensor, { jit });
    for (let round = 0; round < 2; round++) {
      const weights = model.getWeights();
      model.setWeights(
        weights.map(({ shape }, index) => tf.randomNormal(shape, 0, 1, 'float32', 10 * round + index + 1)),
      );
      const images = tf.randomUniform([5, 4, 4, 1], 0, 1, 'float32', round + 1);
      const eager = model.predict(images) as tf.Tensor;
      // Probabilities. Ten times float32's epsilon, because XLA may add in another order.
      expect(largestDifference(eager.dataSync(), compiled(images).dataSync())).toBeLessThan(1e-6);
    }
    compiled.dispose();
  },
);

test('records again when a captured tensor has been disposed and replaced', () => {
  let factor = tf.scalar(2);
  const compiled = compileFunction((x) => tf.mul(x!, factor));
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(6);
  factor.dispose();
  factor = tf.scalar(5);
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(15);
  compiled.dispose();
});

test.for([false, true])('copies resident bytes only if they are others than before, jit %s', (jit) => {
  const add = compileFunction((x, y) => tf.add(x!, y!), { jit });
  const call = (values: Uint8Array, resident: boolean, y: number) => {
    const sum = add({ dtype: 'uint8', shape: [2], values, resident }, tf.tensor1d([y, 0]));
    return [...sum.dataSync()];
  };
  const buffer = Uint8Array.of(1, 2, 3, 4);
  expect(call(buffer.subarray(0, 2), true, 10)).toEqual([11, 2]);
  expect(call(buffer.subarray(2, 4), true, 20)).toEqual([23, 4]);
  buffer.fill(9);
  expect(call(buffer.subarray(2, 4), true, 30)).toEqual([33, 4]);
  expect(call(buffer.subarray(2, 4), false, 40)).toEqual([49, 9]);
  expect(call(buffer.subarray(0, 2), true, 50)).toEqual([59, 9]);
  add.dispose();
});

test.for([false, true])('the function sees bytes as float32 (jit %s)', (jit) => {
  const compiled = compileFunction((x, y) => [tf.div(x!, 2), tf.add(x!, y!), x!], { jit });
  const bytes = { dtype: 'uint8', shape: [3], values: Uint8Array.of(0, 7, 255) } as const;
  const results = compiled(bytes, tf.tensor1d([0.5, 1, 2]));
  expect(results.map((result) => [result.dtype, ...result.dataSync()])).toEqual([
    ['float32', 0, 3.5, 127.5],
    ['float32', 0.5, 8, 257],
    ['float32', 0, 7, 255],
  ]);
  const { program } = record((y) => compiled(bytes, y!), [{ shape: [3], dtype: 'float32' }]);
  expect(program.nodes).toContainEqual(
    expect.objectContaining({ kind: 'constant', values: Float32Array.of(0, 7, 255) }),
  );
  compiled.dispose();
});

test('records again when a variable has been disposed and replaced', () => {
  let w = tf.variable(tf.scalar(2), false);
  const compiled = compileFunction((x) => tf.mul(x!, w));
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(6);
  w.dispose();
  w = tf.variable(tf.scalar(5), false);
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(15);
  compiled.dispose();
});

test('while another function is recorded, calls the function itself', () => {
  const compiled = compileFunction((x) => tf.square(x!));
  const { program } = record((x) => [compiled(x!)], [{ shape: [2], dtype: 'float32' }]);
  expect(program.nodes.at(-1)).toMatchObject({ op: 'Square' });
  expect(memoryCounts().sessions).toBe(0);
});

test('throws if the function cannot be recorded, and leaves no tensors or graphs behind', () => {
  const before = tf.memory().numTensors;
  const compiled = compileFunction((x) => tf.mul(x!, Math.random()));
  const x = tf.scalar(2);
  expect(() => compiled(x)).toThrow(RecordingError);
  x.dispose();
  expect(tf.memory().numTensors).toBe(before);
  expect(memoryCounts().sessions).toBe(0);
});

test('keeps the graphs of the maxShapes most recent shapes, and frees all on dispose', () => {
  const compiled = compileFunction((x) => tf.square(x!), { maxShapes: 2 });
  for (let size = 1; size <= 4; size++) compiled(tf.zeros([size]));
  expect(memoryCounts().sessions).toBe(2);
  compiled.dispose();
  expect(memoryCounts().sessions).toBe(0);
});

test('calls leave no tensors and no graphs behind', () => {
  const w = tf.variable(tf.zeros([64, 64]));
  const compiled = compileFunction((x) => {
    w.assign(tf.add(w, 1) as tf.Tensor2D);
    return [tf.matMul(x as tf.Tensor2D, w), tf.sum(x!)];
  });
  const x = tf.ones([256, 64]);
  const call = () => tf.dispose(compiled(x));
  call();
  const before = memoryCounts();
  for (let run = 0; run < 20; run++) call();
  expect(memoryCounts()).toEqual(before);
  compiled.dispose();
});
