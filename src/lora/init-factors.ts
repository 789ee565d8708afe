import type * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import type { Random } from '../random.ts';
import type { LoraInit } from './config.ts';
import { matrixOf, principalVectors, thinQr, valuesOf } from './math/linear-algebra.ts';
import type { FactorPair } from './update.ts';

/** The kernel that A and B are initialized for. */
export interface KernelInfo {
  /** Sides of the kernel as a matrix. */
  readonly inputs: number;
  readonly outputs: number;
  readonly rank: number;
  /** alpha / rank, or alpha / sqrt(rank). */
  readonly scaling: number;
  readonly isEmbedding: boolean;
  /** Number of values in A: inputs · rank, or rank · outputs for method 'weight-view'. */
  readonly sizeOfA: number;
  /** Returns the kernel [inputs, outputs] float32. */
  kernel(): tf.Tensor2D;
  /** Returns the gradient of the loss with respect to the kernel [inputs, outputs] float32. */
  gradient(): tf.Tensor2D;
}

/** Row-major values of A and B. An absent one stays zero. */
export interface InitialFactors {
  readonly a?: Float32Array;
  readonly b?: Float32Array;
}

/** Returns the initial values of A and B; see `LoraConfig.init`. */
export function initialFactors(init: LoraInit, random: Random, info: KernelInfo): InitialFactors {
  const { inputs, outputs, rank, scaling } = info;
  switch (init) {
    case 'kaiming':
      return randomFactor(random, info, () => (2 * random.uniform() - 1) / Math.sqrt(inputs));
    case 'gaussian':
      return randomFactor(random, info, () => random.normal() / rank);
    case 'normal':
      return randomFactor(random, info, () => random.normal());
    case 'orthogonal':
      return toValues(
        orthogonalFactors(
          normalMatrix(random, rank, rank),
          normalMatrix(random, inputs, rank / 2),
          normalMatrix(random, rank / 2, outputs),
        ),
      );
    case 'pissa':
      return toValues(pissaFactors(info.kernel(), rank, scaling));
    case 'olora':
      return toValues(oloraFactors(info.kernel(), rank));
    case 'lora-ga':
      return toValues(loraGaFactors(info.gradient(), rank));
  }
}

/** Draws A and leaves B zero. For an embedding, as in PEFT, B is standard normal and A zero. */
function randomFactor(random: Random, info: KernelInfo, draw: () => number): InitialFactors {
  if (info.isEmbedding)
    return { b: Float32Array.from({ length: info.rank * info.outputs }, () => random.normal()) };
  return { a: Float32Array.from({ length: info.sizeOfA }, draw) };
}

/**
 * PEFT's orthogonal initialization: A from the odd rows of an orthogonal matrix and B from the even ones, so that A·B
 * is 0.
 *
 * @param square random [rank, rank]
 * @param left random [inputs, rank / 2]
 * @param right random [rank / 2, outputs]
 */
export function orthogonalFactors(square: Matrix, left: Matrix, right: Matrix): FactorPair {
  const { q } = thinQr(square);
  const everySecondRow = (first: number) =>
    q.subMatrixRow(Array.from({ length: q.rows / 2 }, (_, index) => first + 2 * index));
  return {
    a: left.mmul(everySecondRow(0)).div(10),
    b: everySecondRow(1).transpose().mmul(right).div(10),
  };
}

/**
 * PiSSA (Meng et al. 2024, arXiv:2404.02948): the principal singular vectors, so that scaling·A·B is the best
 * approximation of the kernel of this rank.
 *
 * @param kernel [inputs, outputs] float32
 */
export function pissaFactors(kernel: tf.Tensor2D, rank: number, scaling: number): FactorPair {
  const { u, s, v } = principalVectors(kernel, rank);
  const roots = s.map((value) => Math.sqrt(value / scaling));
  return { a: u.clone().mulRowVector(roots), b: v.clone().mulRowVector(roots).transpose() };
}

/**
 * OLoRA (Büyükakyüz 2024, arXiv:2406.01775): the first columns of Q and rows of R of the kernel in PyTorch's layout,
 * [outputs, inputs].
 *
 * @param kernel [inputs, outputs] float32
 */
export function oloraFactors(kernel: tf.Tensor2D, rank: number): FactorPair {
  const [inputs, outputs] = kernel.shape;
  const matrix = matrixOf(kernel.dataSync(), inputs, outputs).transpose();
  const { q } = thinQr(matrix.subMatrix(0, outputs - 1, 0, rank - 1));
  return { a: matrix.transpose().mmul(q), b: q.transpose() };
}

/**
 * LoRA-GA (Wang et al. 2024, arXiv:2407.05000): the first `rank` left singular vectors of the gradient as A, the next
 * `rank` right ones as B. With PEFT's defaults (direction ArB2r, scale stable, gamma 16).
 *
 * @param gradient [inputs, outputs] float32
 */
function loraGaFactors(gradient: tf.Tensor2D, rank: number): FactorPair {
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

function normalMatrix(random: Random, rows: number, columns: number): Matrix {
  const values = Array.from({ length: rows * columns }, () => random.normal());
  return matrixOf(values, rows, columns);
}

function toValues({ a, b }: FactorPair): InitialFactors {
  return { a: valuesOf(a), b: valuesOf(b) };
}
