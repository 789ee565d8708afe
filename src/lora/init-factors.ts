import type * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import type { Random } from '../random.ts';
import type { LoraInit } from './config.ts';
import { matrixOf, principalVectors, thinQr, valuesOf } from './math/linear-algebra.ts';
import type { FactorPair } from './update.ts';

/** The kernel that A and B are initialized for, and the settings that matter for it. */
export interface KernelInfo {
  /** Sides of the kernel as a matrix, see `LayerKind.matrixShape`. */
  readonly inputs: number;
  readonly outputs: number;
  readonly rank: number;
  /** alpha / rank, or alpha / sqrt(rank) with rsLoRA. */
  readonly scaling: number;
  readonly isEmbedding: boolean;
  /** Number of values in A: inputs · rank, or rank · outputs for method 'weight-view'. */
  readonly sizeOfA: number;
  /** Returns the kernel [inputs, outputs] float32. */
  kernel(): tf.Tensor2D;
  /** Returns the gradient of the loss with respect to the kernel [inputs, outputs] float32. */
  gradient(): tf.Tensor2D;
}

/** Row-major values of A and B. If one is absent, it stays zero. */
export interface InitialFactors {
  readonly a?: Float32Array;
  readonly b?: Float32Array;
}

/** Returns the initial values of A and B; see `LoraConfig.init`. */
export function initialFactors(init: LoraInit, random: Random, info: KernelInfo): InitialFactors {
  const { inputs, outputs, rank, scaling } = info;
  switch (init) {
    case 'kaiming':
    case 'eva': // layers that EVA does not support
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

/**
 * Draws each value of A and leaves B zero. For an embedding it is the reverse, as in PEFT: B is standard normal whatever
 * `draw` is, and A zero.
 */
function randomFactor(random: Random, info: KernelInfo, draw: () => number): InitialFactors {
  if (info.isEmbedding)
    return { b: Float32Array.from({ length: info.rank * info.outputs }, () => random.normal()) };
  return { a: Float32Array.from({ length: info.sizeOfA }, draw) };
}

/**
 * PEFT's orthogonal initialization: A from every second row of an orthogonal matrix Q, starting with the first, and B from
 * the other rows. Rows of Q are orthogonal to each other, so A·B is 0. As in PEFT, both are divided by 10.
 *
 * @param square random [rank, rank]
 * @param left random [inputs, rank / 2]
 * @param right random [rank / 2, outputs]
 * @returns A [inputs, rank] and B [rank, outputs]
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
 * PiSSA (Meng et al. 2024, arXiv:2404.02948): the principal singular vectors of the kernel U·S·Vᵀ, so that scaling·A·B is
 * its best approximation of this rank. A is U·sqrt(S / scaling), B is sqrt(S / scaling)·Vᵀ.
 *
 * @param kernel [inputs, outputs] float32
 */
export function pissaFactors(kernel: tf.Tensor2D, rank: number, scaling: number): FactorPair {
  const { u, s, v } = principalVectors(kernel, rank);
  const roots = s.map((value) => Math.sqrt(value / scaling));
  return { a: u.clone().mulRowVector(roots), b: v.clone().mulRowVector(roots).transpose() };
}

/**
 * OLoRA (Büyükakyüz 2024, arXiv:2406.01775): with the kernel in PyTorch's layout, W [outputs, inputs] = Q·R, the first `rank`
 * columns of Q are Bᵀ, and the first rows of R are Aᵀ. These rows of R are Bᵀ's product with W, so the first columns of W
 * are all that is decomposed.
 *
 * @param kernel [inputs, outputs] float32
 */
export function oloraFactors(kernel: tf.Tensor2D, rank: number): FactorPair {
  const [inputs, outputs] = kernel.shape;
  const matrix = matrixOf(kernel.dataSync(), inputs, outputs).transpose();
  const { q } = thinQr(matrix.subMatrix(0, outputs - 1, 0, rank - 1)); // [outputs, rank]
  return { a: matrix.transpose().mmul(q), b: q.transpose() }; // a = (Qᵀ·W)ᵀ
}

/**
 * LoRA-GA (Wang et al. 2024, arXiv:2407.05000) with the defaults of PEFT's `LoraGAConfig` (direction 'ArB2r', scale 'stable',
 * stable_gamma 16). For the gradient U·S·Vᵀ, A is the first `rank` columns of U. B is the next `rank` rows of S·Vᵀ, times
 * outputs^(1/4) / sqrt(16).
 *
 * @param gradient [inputs, outputs] float32
 */
function loraGaFactors(gradient: tf.Tensor2D, rank: number): FactorPair {
  const { u, s, v } = principalVectors(gradient, 2 * rank);
  const outputs = v.rows;
  const factor = outputs ** 0.25 / Math.sqrt(16);
  const rowScales = s.slice(rank).map((value) => value * factor);
  return {
    a: u.subMatrix(0, u.rows - 1, 0, rank - 1),
    b: v
      .subMatrix(0, v.rows - 1, rank, 2 * rank - 1)
      .mulRowVector(rowScales)
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
