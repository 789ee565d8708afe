import * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import { expect, test } from 'vitest';
import {
  matrixOf,
  principalVectors,
  productSvd,
  svd,
  thinQr,
  valuesOf,
} from '../../src/lora/math/linear-algebra.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { randomTensor } from './models.ts';

useDevice();

const randomMatrix = (rows: number, columns: number, key: number): Matrix =>
  matrixOf(randomTensor([rows, columns], key).dataSync(), rows, columns);

const difference = (a: Matrix, b: Matrix) => largestDifference(valuesOf(a), valuesOf(b));

test.each([
  [7, 4],
  [4, 7],
  [5, 5],
])(
  'QR of a [%i, %i] matrix has orthonormal columns, a triangle, and their product is the matrix',
  (rows, columns) => {
    const matrix = randomMatrix(rows, columns, 1);
    const { q, r } = thinQr(matrix);
    const side = Math.min(rows, columns);
    expect([q.rows, q.columns, r.rows, r.columns]).toEqual([rows, side, side, columns]);
    expect(difference(q.mmul(r), matrix)).toBeLessThan(1e-6);
    const identity = matrixOf(tf.eye(side).dataSync(), side, side);
    expect(difference(q.transpose().mmul(q), identity)).toBeLessThan(1e-6);
    for (let row = 0; row < side; row++) {
      expect(r.get(row, row)).toBeGreaterThanOrEqual(0);
      for (let column = 0; column < row; column++) expect(Math.abs(r.get(row, column))).toBeLessThan(1e-12);
    }
  },
);

test('the SVD of a product from its factors equals the SVD of the product', () => {
  const [a, b] = [randomMatrix(9, 3, 1), randomMatrix(3, 6, 2)];
  const { u, s, v } = productSvd(a, b);
  const whole = svd(a.mmul(b));
  expect(largestDifference(s, whole.s.slice(0, 3))).toBeLessThan(1e-6);
  expect(
    difference(
      u
        .clone()
        .mulRowVector([...s])
        .mmul(v.transpose()),
      a.mmul(b),
    ),
  ).toBeLessThan(1e-5);
});

test('finds the principal vectors of a large kernel by subspace iteration', () => {
  // Known singular values 20, 19, ... 1 in 300 x 280.
  const [left, right] = [thinQr(randomMatrix(300, 20, 1)).q, thinQr(randomMatrix(280, 20, 2)).q];
  const lengths = Array.from({ length: 20 }, (_, index) => 20 - index);
  const kernel = left.clone().mulRowVector(lengths).mmul(right.transpose());
  const { u, s, v } = principalVectors(tf.tensor2d(valuesOf(kernel), [300, 280]), 4);
  expect(largestDifference(s, [20, 19, 18, 17])).toBeLessThan(1e-4);
  const overlap = (computed: Matrix, known: Matrix) =>
    Array.from({ length: 4 }, (_, index) =>
      Math.abs(computed.getColumnVector(index).transpose().mmul(known.getColumnVector(index)).get(0, 0)),
    );
  for (const value of [...overlap(u, left), ...overlap(v, right)]) expect(value).toBeGreaterThan(0.9999);
});
