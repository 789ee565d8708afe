import * as tf from '@tensorflow/tfjs';
import { afterEach, expect, test } from 'vitest';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { randomTensor } from '../lora/models.ts';

afterEach(() => tf.disposeVariables());

type Op = (...inputs: never[]) => tf.Tensor;

/** The output of an op and the gradients of its inputs, on the current backend. */
function outputAndGradients(op: Op, inputs: tf.Tensor[]): number[][] {
  return tf.tidy(() => {
    const apply = op as (...tensors: tf.Tensor[]) => tf.Tensor;
    const output = apply(...inputs);
    const dy = randomTensor(output.shape, 9);
    const gradients = tf.grads((...tensors: tf.Tensor[]) => tf.sum(tf.mul(apply(...tensors), dy)))(inputs);
    return [output, ...gradients].map((tensor) => [...tensor.dataSync()]);
  });
}

const pads = ['same', 'valid'] as const;
const windows: [number, number][] = [
  [1, 1],
  [2, 2],
  [3, 2],
  [2, 1],
  [1, 3],
];
const strides: [number, number][] = [
  [1, 1],
  [2, 2],
  [2, 3],
  [3, 1],
];

const settings = pads.flatMap((pad) =>
  strides.flatMap((stride) => windows.map((window) => ({ pad, stride, window }))),
);

/** Compares an op on wasm and js with native TensorFlow. */
async function expectNativeResults(op: Op, shapes: number[][]): Promise<void> {
  await loadTensorFlow({ device: 'cpu' });
  const inputs = shapes.map((shape, index) => randomTensor(shape, index + 1));
  const expected = outputAndGradients(op, inputs);
  for (const device of ['wasm', 'js'] as const) {
    await loadTensorFlow({ device });
    const { numTensors } = tf.memory();
    outputAndGradients(op, inputs).forEach((values, index) => {
      expect(largestDifference(values, expected[index]!), `${device}, ${index}`).toBeLessThan(1e-4);
    });
    expect(tf.memory().numTensors).toBe(numTensors);
  }
  tf.dispose(inputs);
}

test.each(settings)('2-D ops have the results of native TensorFlow: %o', async ({ pad, stride, window }) => {
  const conv2d = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.conv2d(x, filter, stride, pad);
  await expectNativeResults(conv2d, [
    [2, 7, 6, 3],
    [...window, 3, 4],
  ]);
  const side = (size: number, axis: 0 | 1) =>
    pad === 'same' ? size * stride[axis] : (size - 1) * stride[axis] + window[axis];
  const transposed = (x: tf.Tensor4D, filter: tf.Tensor4D) =>
    tf.conv2dTranspose(x, filter, [2, side(4, 0), side(3, 1), 2], stride, pad);
  await expectNativeResults(transposed, [
    [2, 4, 3, 3],
    [...window, 2, 3],
  ]);
  await expectNativeResults((x: tf.Tensor4D) => tf.maxPool(x, window, stride, pad), [[2, 7, 6, 3]]);
  await expectNativeResults((x: tf.Tensor4D) => tf.avgPool(x, window, stride, pad), [[2, 7, 6, 3]]);
  if (stride[0] !== stride[1]) return; // TensorFlow needs equal strides
  for (const multiplier of [1, 2]) {
    const depthwise = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.depthwiseConv2d(x, filter, stride, pad);
    await expectNativeResults(depthwise, [
      [2, 7, 6, 3],
      [...window, 3, multiplier],
    ]);
  }
});

test.each([
  ['same', 1],
  ['same', 2],
  ['valid', 1],
  ['valid', 2],
  ['valid', 3],
] as const)('3-D ops have the results of native TensorFlow: %s, stride %i', async (pad, stride) => {
  const conv3d = (x: tf.Tensor5D, filter: tf.Tensor5D) => tf.conv3d(x, filter, stride, pad);
  await expectNativeResults(conv3d, [
    [2, 5, 4, 4, 2],
    [2, 3, 2, 2, 3],
  ]);
  await expectNativeResults((x: tf.Tensor5D) => tf.maxPool3d(x, 2, stride, pad), [[2, 5, 4, 4, 2]]);
});

test('max pooling passes the gradient to the first of equal maxima, also in padding', async () => {
  const pool = (x: tf.Tensor4D) => tf.maxPool(x, 2, 1, 'same');
  await loadTensorFlow({ device: 'cpu' });
  const x = tf.tensor4d([0, 0, 0, 0, 1, 1, -1, 1, 1], [1, 3, 3, 1]);
  const expected = outputAndGradients(pool, [x]);
  await loadTensorFlow({ device: 'wasm' });
  expect(outputAndGradients(pool, [x])).toEqual(expected);
});

test('gathering adds up the gradients of repeated rows', async () => {
  const ids = [
    [4, 0, 4],
    [1, 4, 0],
  ];
  for (const axis of [0, 1]) {
    const gather = (x: tf.Tensor) => tf.gather(x, tf.tensor2d(ids, [2, 3], 'int32'), axis);
    await expectNativeResults(gather, [[6, 5, 2]]);
  }
});

test('sums over segments leave out ids of no segment', async () => {
  await loadTensorFlow({ device: 'wasm' });
  const rows = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]);
  const sums = tf.unsortedSegmentSum(rows, tf.tensor1d([1, -1, 3, 1], 'int32'), 3);
  expect(sums.arraySync()).toEqual([
    [0, 0],
    [8, 10],
    [0, 0],
  ]);
});
