import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { countOperations, record, simplify } from '../../src/graph/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

function operations(fn: (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[], ...shapes: number[][]): number {
  const inputs = shapes.map((shape) => tf.zeros(shape));
  return countOperations(simplify(record((...tensors) => [fn(...tensors)].flat(), inputs).program));
}

test('a matrix product takes two operations per multiplication, also transposed', () => {
  const product = 2 * 3 * 5 * 7;
  expect(operations((a, b) => tf.matMul(a!, b!), [3, 5], [5, 7])).toBe(product);
  expect(operations((a, b) => tf.matMul(a!, b!, true), [5, 3], [5, 7])).toBe(product);
  expect(operations((a, b) => tf.matMul(a!, b!, true), [4, 5, 3], [4, 5, 7])).toBe(4 * product);
});

test('a convolution and its gradients take two operations per multiplication', () => {
  const convolution = (x: tf.Tensor, filter: tf.Tensor) =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'valid');
  const forward = 2 * (2 * 6 * 6 * 5) * (3 * 3 * 4);
  expect(operations((x, filter) => convolution(x!, filter!), [2, 8, 8, 4], [3, 3, 4, 5])).toBe(forward);
  const gradients = tf.grads((x, filter) => convolution(x!, filter!));
  const dy = (x: tf.Tensor[]) => gradients([x[0]!, x[1]!], x[2]);
  expect(operations((...x) => dy(x), [2, 8, 8, 4], [3, 3, 4, 5], [2, 6, 6, 5])).toBe(2 * forward);
});

test('other ops take one operation per element', () => {
  expect(operations((x) => tf.relu(tf.neg(x!)), [3, 4])).toBe(24);
});
