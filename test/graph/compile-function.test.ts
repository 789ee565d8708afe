import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compileFunction, RecordingError, record } from '../../src/graph/index.ts';
import { nativeBackend } from '../../src/tensorflow/native/backend.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const sessions = () => nativeBackend().binding.getNumOfSavedModels();

test.for([false, true])(
  'several inputs and outputs of other types come back as from the function (jit %s)',
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
    expect(results.map((one) => [...one.dataSync()])).toEqual(expected.map((one) => [...one.dataSync()]));
    compiled.dispose();
  },
);

test('a shape is recorded once; other shapes and types get their own program', () => {
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

test('variables are read as they are at each call, and assignments take place', () => {
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
  'a model predicts as it does eagerly, also after its weights have changed (jit %s)',
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
      model.setWeights(model.getWeights().map((weight) => tf.randomNormal(weight.shape)));
      const images = tf.randomUniform([5, 4, 4, 1]);
      const [eager, graph] = [model.predict(images) as tf.Tensor, compiled(images)].map((one) =>
        one.dataSync(),
      );
      expect(largestDifference(eager!, graph!)).toBeLessThan(1e-6);
    }
    compiled.dispose();
  },
);

test('a tensor of the surroundings that was disposed and replaced is recorded anew', () => {
  let factor = tf.scalar(2);
  const compiled = compileFunction((x) => tf.mul(x!, factor));
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(6);
  factor.dispose();
  factor = tf.scalar(5);
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(15);
  compiled.dispose();
});

test.for([false, true])('bytes are seen as float32, and go in as they are (jit %s)', (jit) => {
  const compiled = compileFunction((x, y) => [tf.div(x!, 2), tf.add(x!, y!), x!], { jit });
  const bytes = { dtype: 'uint8', shape: [3], values: Uint8Array.of(0, 7, 255) } as const;
  const results = compiled(bytes, tf.tensor1d([0.5, 1, 2]));
  expect(results.map((one) => [one.dtype, ...one.dataSync()])).toEqual([
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

test('a variable that was disposed and replaced is recorded anew', () => {
  let w = tf.variable(tf.scalar(2), false);
  const compiled = compileFunction((x) => tf.mul(x!, w));
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(6);
  w.dispose();
  w = tf.variable(tf.scalar(5), false);
  expect(compiled(tf.scalar(3)).dataSync()[0]).toBe(15);
  compiled.dispose();
});

test('inside a recording it is the function itself', () => {
  const compiled = compileFunction((x) => tf.square(x!));
  const { program } = record((x) => [compiled(x!)], [{ shape: [2], dtype: 'float32' }]);
  expect(program.nodes.at(-1)).toMatchObject({ op: 'Square' });
  expect(sessions()).toBe(0);
});

test('a function that cannot be recorded is refused at its call, and the next one works', () => {
  const before = tf.memory().numTensors;
  const compiled = compileFunction((x) => tf.mul(x!, Math.random()));
  const x = tf.scalar(2);
  expect(() => compiled(x)).toThrow(RecordingError);
  x.dispose();
  expect(tf.memory().numTensors).toBe(before);
  expect(sessions()).toBe(0);
});

test('the program not used for longest goes when there are too many, and all go on dispose', () => {
  const compiled = compileFunction((x) => tf.square(x!), { maxShapes: 2 });
  for (let size = 1; size <= 4; size++) compiled(tf.zeros([size]));
  expect(sessions()).toBe(2);
  compiled.dispose();
  expect(sessions()).toBe(0);
});

test('1,000 calls leave no tensors and no memory behind', () => {
  const w = tf.variable(tf.zeros([64, 64]));
  const compiled = compileFunction((x) => {
    w.assign(tf.add(w, 1) as tf.Tensor2D);
    return [tf.matMul(x as tf.Tensor2D, w), tf.sum(x!)];
  });
  const x = tf.ones([256, 64]);
  const call = () => tf.dispose(compiled(x));
  for (let warm = 0; warm < 1000; warm++) call();
  const before = { tensors: tf.memory().numTensors, native: nativeBackend().binding.getNumOfTensors() };
  const rss = process.memoryUsage().rss;
  for (let run = 0; run < 1000; run++) call();
  expect({ tensors: tf.memory().numTensors, native: nativeBackend().binding.getNumOfTensors() }).toEqual(
    before,
  );
  // A leak of the two results alone would be 64 MB.
  expect(process.memoryUsage().rss - rss).toBeLessThan(32e6);
  compiled.dispose();
});
