import * as tf from '@tensorflow/tfjs';
import { EigenvalueDecomposition, Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';
import { takeValues } from '../../models/index.ts';
import { createRandom } from '../../random.ts';

/** A singular value decomposition U·diag(s)·Vᵀ with s descending. */
export interface Svd {
  /** [rows, k] */
  readonly u: Matrix;
  readonly s: readonly number[];
  /** [columns, k] */
  readonly v: Matrix;
}

/** A QR decomposition, where k is the smaller side of the matrix. */
export interface Qr {
  /** [rows, k], with orthonormal columns */
  readonly q: Matrix;
  /** [k, columns], upper triangular, with a diagonal that is not negative */
  readonly r: Matrix;
}

/** Returns a double-precision matrix with the given row-major values. */
export function matrixOf(values: ArrayLike<number>, rows: number, columns: number): Matrix {
  return Matrix.from1DArray(rows, columns, values as number[]);
}

/** Returns the row-major values of a matrix. */
export function valuesOf(matrix: Matrix): Float32Array {
  return Float32Array.from(matrix.to1DArray());
}

/** Concatenates matrices horizontally; all have the same number of rows. */
export function hstack(...matrices: readonly Matrix[]): Matrix {
  const columns = matrices.reduce((sum, matrix) => sum + matrix.columns, 0);
  const stacked = Matrix.zeros(matrices[0]!.rows, columns);
  let column = 0;
  for (const matrix of matrices) {
    stacked.setSubMatrix(matrix, 0, column);
    column += matrix.columns;
  }
  return stacked;
}

/** Concatenates matrices vertically; all have the same number of columns. */
export function vstack(...matrices: readonly Matrix[]): Matrix {
  return hstack(...matrices.map((matrix) => matrix.transpose())).transpose();
}

/** Returns the reduced QR decomposition (Householder) of a matrix of any shape. */
export function thinQr(matrix: Matrix): Qr {
  const { rows, columns } = matrix;
  if (rows < columns) {
    const { q, r } = thinQr(matrix.subMatrix(0, rows - 1, 0, rows - 1));
    const rest = q.transpose().mmul(matrix.subMatrix(0, rows - 1, rows, columns - 1));
    return { q, r: hstack(r, rest) };
  }
  const { orthogonalMatrix, upperTriangularMatrix } = new QrDecomposition(matrix);
  const [q, r] = [orthogonalMatrix.clone(), upperTriangularMatrix.clone()];
  for (let index = 0; index < columns; index++) {
    if (r.get(index, index) >= 0) continue;
    r.mulRow(index, -1);
    q.mulColumn(index, -1);
  }
  return { q, r };
}

/** Decomposes a matrix whose smaller side is at most a few hundred. */
export function svd(matrix: Matrix): Svd {
  const { leftSingularVectors, diagonal, rightSingularVectors } = new SingularValueDecomposition(matrix, {
    autoTranspose: true,
  });
  const order = diagonal.map((_, index) => index).sort((i, j) => diagonal[j]! - diagonal[i]!);
  return {
    u: leftSingularVectors.subMatrixColumn(order),
    s: order.map((index) => diagonal[index]!),
    v: rightSingularVectors.subMatrixColumn(order),
  };
}

/**
 * Decomposes A·B without computing it: by the QR decompositions of A and Bᵀ and the SVD of a [k, k] matrix.
 *
 * @param a [rows, k]
 * @param b [k, columns]
 */
export function productSvd(a: Matrix, b: Matrix): Svd {
  const left = thinQr(a);
  const right = thinQr(b.transpose());
  const core = svd(left.r.mmul(right.r.transpose()));
  return { u: left.q.mmul(core.u), s: core.s, v: right.q.mmul(core.v) };
}

/** Smaller side up to which a complete SVD in JavaScript takes at most a second or two. */
const EXACT_SIDE = 256;

/**
 * Returns the first `rank` singular vectors and values of a kernel. For large kernels it uses subspace iteration from a
 * random start (Halko et al. 2011, arXiv:0909.4061, algorithm 4.4), whose products run on the tfjs backend.
 *
 * @param kernel [rows, columns] float32
 */
export function principalVectors(kernel: tf.Tensor2D, rank: number): Svd {
  const [rows, columns] = kernel.shape;
  if (Math.min(rows, columns) <= EXACT_SIDE)
    return firstVectors(svd(matrixOf(kernel.dataSync(), rows, columns)), rank);
  const width = Math.min(rank + 10, rows, columns);
  const random = createRandom(0, rows, columns);
  const start = Float32Array.from({ length: columns * width }, () => random.normal());
  const multiply = (matrix: Matrix, transposeKernel: boolean): Matrix => {
    const product = tf.tidy(() =>
      tf.matMul(kernel, tf.tensor2d(valuesOf(matrix), [matrix.rows, matrix.columns]), transposeKernel),
    );
    return matrixOf(takeValues(product), transposeKernel ? columns : rows, matrix.columns);
  };
  const iterations = 16;
  let basis = thinQr(matrixOf(start, columns, width)).q; // [columns, width]
  let range = thinQr(multiply(basis, false)).q; // [rows, width]
  for (let iteration = 0; iteration < iterations; iteration++) {
    basis = thinQr(multiply(range, true)).q;
    range = thinQr(multiply(basis, false)).q;
  }
  const { u, s, v } = svd(multiply(range, true).transpose());
  return firstVectors({ u: range.mmul(u), s, v }, rank);
}

/**
 * Returns the first `count` right singular vectors and singular values of a matrix. Unlike `svd`, which may not end then, it
 * takes matrices with many equal rows. A vector whose singular value is a rounding error can be zero.
 *
 * @param matrix [rows, columns] float32
 * @returns v [columns, count]
 */
export function rightVectors(matrix: tf.Tensor2D, count: number): Pick<Svd, 's' | 'v'> {
  const [rows, columns] = matrix.shape;
  if (Math.min(rows, columns) > EXACT_SIDE) return principalVectors(matrix, count);
  const values = matrixOf(matrix.dataSync(), rows, columns);
  const isWide = rows < columns;
  const gram = isWide ? values.mmul(values.transpose()) : values.transpose().mmul(values);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const order = realEigenvalues
    .map((_, index) => index)
    .sort((i, j) => realEigenvalues[j]! - realEigenvalues[i]!);
  const first = order.slice(0, count);
  const s = first.map((index) => Math.sqrt(Math.max(realEigenvalues[index]!, 0)));
  const vectors = eigenvectorMatrix.subMatrixColumn(first);
  if (!isWide) return { s, v: vectors };
  const inverse = s.map((value) => (value > 1e-7 * s[0]! ? 1 / value : 0));
  return { s, v: values.transpose().mmul(vectors).mulRowVector(inverse) };
}

function firstVectors({ u, s, v }: Svd, count: number): Svd {
  return {
    u: u.subMatrix(0, u.rows - 1, 0, count - 1),
    s: s.slice(0, count),
    v: v.subMatrix(0, v.rows - 1, 0, count - 1),
  };
}
