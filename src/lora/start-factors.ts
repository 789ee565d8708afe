import type * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import type { FactorPair } from './factors.ts';
import { matrixOf, principalVectors, thinQr } from './linear-algebra.ts';

/**
 * PEFT's orthogonal start: A from the odd rows of an orthogonal matrix and B from the even ones, so that A·B is 0.
 *
 * @param square random [rank, rank]
 * @param left random [inputs, rank / 2]
 * @param right random [rank / 2, outputs]
 */
export function orthogonalFactors(square: Matrix, left: Matrix, right: Matrix): FactorPair {
  const { q } = thinQr(square);
  const rows = (first: number) =>
    q.subMatrixRow(Array.from({ length: q.rows / 2 }, (_, index) => first + 2 * index));
  return { a: left.mmul(rows(0)).div(10), b: rows(1).transpose().mmul(right).div(10) };
}

/** The first singular vectors, so that scaling·A·B is the best approximation of the kernel of that rank. */
export function pissaFactors(kernel: tf.Tensor2D, rank: number, scaling: number): FactorPair {
  const { u, s, v } = principalVectors(kernel, rank);
  const roots = s.map((value) => Math.sqrt(value / scaling));
  return { a: u.clone().mulRowVector(roots), b: v.clone().mulRowVector(roots).transpose() };
}

/** The first columns of Q and rows of R of the kernel as PyTorch has it, [outputs, inputs]. */
export function oloraFactors(kernel: tf.Tensor2D, rank: number): FactorPair {
  const [inputs, outputs] = kernel.shape;
  const matrix = matrixOf(kernel.dataSync(), inputs, outputs).transpose();
  const { q } = thinQr(matrix.subMatrix(0, outputs - 1, 0, rank - 1));
  return { a: matrix.transpose().mmul(q), b: q.transpose() };
}

/**
 * The first `rank` left singular vectors of the gradient for A, the next right ones for B, as PEFT's defaults have it
 * (direction ArB2r, scale stable, gamma 16).
 */
export function loraGaFactors(gradient: tf.Tensor2D, rank: number): FactorPair {
  const { u, s, v } = principalVectors(gradient, 2 * rank);
  const factor = v.rows ** 0.25 / Math.sqrt(16);
  const lengths = s.slice(rank).map((value) => value * factor);
  return {
    a: u.subMatrix(0, u.rows - 1, 0, rank - 1),
    b: v
      .subMatrix(0, v.rows - 1, rank, 2 * rank - 1)
      .mulRowVector(lengths)
      .transpose(),
  };
}
