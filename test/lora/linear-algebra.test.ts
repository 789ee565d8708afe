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

const repeatedRows = (rows: number, columns: number) => {
  const row = Array.from({ length: columns }, (_, index) => Math.sin(index + 1));
  return matrixOf(new Array(rows).fill(row).flat(), rows, columns);
};

test.each([
  ['tall', randomMatrix(7, 4, 1)],
  ['wide', randomMatrix(4, 7, 1)],
  ['square', randomMatrix(5, 5, 1)],
  ['zero', randomMatrix(5, 3, 1).mul(0)],
  ['rank-2', randomMatrix(9, 2, 1).mmul(randomMatrix(2, 6, 2))],
  ['repeated', repeatedRows(256, 64)],
])('QR of a %s matrix has orthonormal columns, a triangle, and their product is the matrix', (_, matrix) => {
  const { rows, columns } = matrix;
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
});

test.each([
  ['random', randomMatrix(7, 4, 1)],
  ['wide', randomMatrix(4, 7, 1)],
  ['of rank 2', randomMatrix(9, 2, 1).mmul(randomMatrix(2, 6, 2))],
  ['of zeros', randomMatrix(5, 3, 1).mul(0)],
  ['with one value', matrixOf([3], 1, 1)],
  ['with equal rows', repeatedRows(256, 64)],
  ['with equal columns', repeatedRows(256, 20).transpose()],
])(
  'the SVD of a matrix %s has orthonormal vectors, descending values, and their product is the matrix',
  (_, matrix) => {
    const { u, s, v } = svd(matrix);
    const side = Math.min(matrix.rows, matrix.columns);
    const identity = matrixOf(tf.eye(side).dataSync(), side, side);
    for (const vectors of [u, v])
      expect(difference(vectors.transpose().mmul(vectors), identity)).toBeLessThan(1e-6);
    expect([...s].sort((a, b) => b - a)).toEqual(s);
    const product = u
      .clone()
      .mulRowVector([...s])
      .mmul(v.transpose());
    expect(difference(product, matrix)).toBeLessThan(1e-6 * Math.max(1, s[0]!));
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
