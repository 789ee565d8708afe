import * as tf from '@tensorflow/tfjs';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
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

/** Columns that are shorter than this part of their original length, after the reflections before, are rounding errors. */
const ROUNDING = 1e-14;

/**
 * Returns the reduced QR decomposition of a matrix of any shape, by Householder reflections (Golub and Van Loan, algorithm
 * 5.2.1). The columns of Q are orthonormal also if columns of the matrix depend on each other; ml-matrix' own QR then divides
 * by rounding errors.
 */
export function thinQr(matrix: Matrix): Qr {
  const { rows, columns } = matrix;
  if (rows < columns) {
    const { q, r } = thinQr(matrix.subMatrix(0, rows - 1, 0, rows - 1));
    const rest = q.transpose().mmul(matrix.subMatrix(0, rows - 1, rows, columns - 1));
    return { q, r: hstack(r, rest) };
  }
  const reduced = Array.from({ length: columns }, (_, column) => Float64Array.from(matrix.getColumn(column)));
  const lengths = reduced.map((column) => lengthOf(column));
  const reflections = reduced.map((column, index) => {
    const reflection = column.slice(index);
    const length = lengthOf(reflection);
    if (length <= ROUNDING * lengths[index]!) {
      column.fill(0, index);
      return undefined;
    }
    reflection[0]! += reflection[0]! < 0 ? -length : length;
    const reflectionLength = lengthOf(reflection);
    reflection.forEach((value, row) => {
      reflection[row] = value / reflectionLength;
    });
    for (const other of reduced.slice(index)) reflect(other, reflection, index);
    return reflection;
  });
  const basis = Array.from({ length: columns }, (_, column) => {
    const vector = new Float64Array(rows);
    vector[column] = reduced[column]![column]! < 0 ? -1 : 1;
    for (let index = columns - 1; index >= 0; index--) reflect(vector, reflections[index], index);
    return vector;
  });
  const r = new Matrix(reduced.map((column) => [...column.subarray(0, columns)])).transpose();
  for (let row = 0; row < columns; row++) {
    if (r.get(row, row) < 0) r.mulRow(row, -1);
    for (let column = 0; column < row; column++) r.set(row, column, 0);
  }
  return { q: new Matrix(basis.map((vector) => [...vector])).transpose(), r };
}

/** Euclidean norm of a vector. */
function lengthOf(vector: Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

/**
 * Reflects the part of a vector from an index on: x - 2·v·(v·x).
 *
 * @param reflection v, of length 1; undefined to change nothing
 */
function reflect(vector: Float64Array, reflection: Float64Array | undefined, from: number): void {
  if (!reflection) return;
  let dot = 0;
  for (let row = 0; row < reflection.length; row++) dot += reflection[row]! * vector[from + row]!;
  for (let row = 0; row < reflection.length; row++) vector[from + row]! -= 2 * dot * reflection[row]!;
}

/**
 * Decomposes a matrix whose smaller side is at most a few hundred. Singular values are accurate to about 1e-8 of the largest.
 * u and v have orthonormal columns, also for singular values of zero.
 *
 * V has the eigenvectors of MᵀM, and M·V = U·diag(s). ml-matrix' own SVD does not end for some matrices with many equal rows.
 */
export function svd(matrix: Matrix): Svd {
  if (matrix.rows < matrix.columns) {
    const { u, s, v } = svd(matrix.transpose());
    return { u: v, s, v: u };
  }
  const { vectors } = eigenvectors(matrix.transpose().mmul(matrix));
  const { q, r } = thinQr(matrix.mmul(vectors));
  const values = r.diagonal();
  const order = descending(values);
  return {
    u: q.subMatrixColumn(order),
    s: order.map((index) => values[index]!),
    v: vectors.subMatrixColumn(order),
  };
}

/** Returns the eigenvalues of a symmetric matrix, the largest first, and the eigenvectors as columns. */
function eigenvectors(symmetric: Matrix): { readonly values: number[]; readonly vectors: Matrix } {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const order = descending(realEigenvalues);
  return {
    values: order.map((index) => realEigenvalues[index]!),
    vectors: eigenvectorMatrix.subMatrixColumn(order),
  };
}

/** Returns the indices of values, from the largest value to the smallest. */
function descending(values: readonly number[]): number[] {
  return values.map((_, index) => index).sort((i, j) => values[j]! - values[i]!);
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
 * Returns the first `count` right singular vectors and singular values of a matrix, faster than `svd`. A vector whose singular
 * value is a rounding error can be zero.
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
  const eigen = eigenvectors(gram);
  const s = eigen.values.slice(0, count).map((value) => Math.sqrt(Math.max(value, 0)));
  const vectors = eigen.vectors.subMatrix(0, gram.rows - 1, 0, s.length - 1);
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
