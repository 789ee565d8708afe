import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { countOps, record, type TensorFunction } from '../../src/graph/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test.each([
  { shape: [3], reps: [2] },
  { shape: [2, 3], reps: [3, 1] },
  { shape: [2, 1, 3], reps: [1, 4, 2] },
  { shape: [1, 2, 1, 2, 3], reps: [2, 1, 3, 1, 2] },
])('the gradient of tile for $shape, repeated $reps, is the sum over the copies', ({ shape, reps }) => {
  const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
  const copies = tf.range(0, x.tile(reps).size).reshape(x.tile(reps).shape);
  const gradient = tf.grad((value: tf.Tensor) => value.tile(reps).mul(copies).sum())(x);
  expect(gradient.shape).toEqual(shape);

  const expected = new Array<number>(x.size).fill(0);
  const positions = tf.range(0, x.size).reshape(shape).tile(reps).dataSync();
  const values = copies.dataSync();
  positions.forEach((position, index) => {
    expected[position]! += values[index]!;
  });
  expect([...gradient.dataSync()]).toEqual(expected);
});

test('the gradient of a layer normalization has as few ops for long rows as for short ones', () => {
  const opsFor = (length: number) => {
    const layer = tf.layers.layerNormalization({ inputShape: [length] });
    tf.sequential({ layers: [layer] });
    const gradient: TensorFunction = (x) => [tf.grad((value) => tf.sum(layer.apply(value) as tf.Tensor))(x!)];
    return countOps(record(gradient, [{ shape: [5, length], dtype: 'float32' }]).program);
  };
  expect(opsFor(64)).toEqual(opsFor(4));
});
