import * as tf from '@tensorflow/tfjs';
import { Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';
import { takeValues } from '../models/index.ts';
import { createRandom } from '../random.ts';

/** U · diag(s) · Vᵀ with s descending; U [rows, k], V [columns, k]. */
export interface SingularVectors {
  readonly u: Matrix;
  readonly s: readonly number[];
  readonly v: Matrix;
}

/** Q·R, with k the smaller side. */
export interface QrFactors {
  /** [rows, k] with orthonormal columns, k the smaller side. */
  readonly q: Matrix;
  /** [k, columns] upper triangular, its diagonal not negative. */
  readonly r: Matrix;
}

/** A matrix of row-major values, computed with in double precision. */
export function matrixOf(values: ArrayLike<number>, rows: number, columns: number): Matrix {
  return Matrix.from1DArray(rows, columns, values as number[]);
}

/** The row-major values of a matrix. */
export function valuesOf(matrix: Matrix): Float32Array {
  return Float32Array.from(matrix.to1DArray());
}

/** Householder QR of a matrix of any shape. */
export function thinQr(matrix: Matrix): QrFactors {
  const { rows, columns } = matrix;
  if (rows < columns) {
    const { q, r } = thinQr(matrix.subMatrix(0, rows - 1, 0, rows - 1));
    const rest = q.transpose().mmul(matrix.subMatrix(0, rows - 1, rows, columns - 1));
    const whole = Matrix.zeros(rows, columns);
    whole.setSubMatrix(r, 0, 0);
    whole.setSubMatrix(rest, 0, rows);
    return { q, r: whole };
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

/** Singular value decomposition of a matrix whose smaller side is at most a few hundred. */
export function svd(matrix: Matrix): SingularVectors {
  const found = new SingularValueDecomposition(matrix, { autoTranspose: true });
  return sorted(found.leftSingularVectors, found.diagonal, found.rightSingularVectors);
}

/**
 * Singular value decomposition of A·B without forming it: QR of A and of Bᵀ, then the small core.
 *
 * @param a [rows, k]
 * @param b [k, columns]
 */
export function productSvd(a: Matrix, b: Matrix): SingularVectors {
  const left = thinQr(a);
  const right = thinQr(b.transpose());
  const core = svd(left.r.mmul(right.r.transpose()));
  return { u: left.q.mmul(core.u), s: core.s, v: right.q.mmul(core.v) };
}

/** Sides up to which the whole decomposition takes a second or two in JavaScript. */
const EXACT_SIDE = 256;

/**
 * The first singular vectors of a kernel. Large ones are found by subspace iteration from a random start
 * (Halko et al. 2011, arXiv:0909.4061, algorithm 4.4), whose products run on tfjs' backend.
 */
export function principalVectors(kernel: tf.Tensor2D, rank: number): SingularVectors {
  const [rows, columns] = kernel.shape;
  if (Math.min(rows, columns) <= EXACT_SIDE)
    return firstVectors(svd(matrixOf(kernel.dataSync(), rows, columns)), rank);
  const width = Math.min(rank + 10, rows, columns);
  const random = createRandom(0, rows, columns);
  let basis = thinQr(
    matrixOf(
      Float32Array.from({ length: columns * width }, () => random.normal()),
      columns,
      width,
    ),
  ).q;
  const times = (matrix: Matrix, transposed: boolean): Matrix => {
    const product = tf.tidy(() =>
      tf.matMul(kernel, tf.tensor2d(valuesOf(matrix), [matrix.rows, matrix.columns]), transposed),
    );
    return matrixOf(takeValues(product), transposed ? columns : rows, matrix.columns);
  };
  const iterations = 16;
  let range = thinQr(times(basis, false)).q;
  for (let count = 0; count < iterations; count++) {
    basis = thinQr(times(range, true)).q;
    range = thinQr(times(basis, false)).q;
  }
  const { u, s, v } = svd(times(range, true).transpose());
  return firstVectors({ u: range.mmul(u), s, v }, rank);
}

function firstVectors({ u, s, v }: SingularVectors, count: number): SingularVectors {
  return {
    u: u.subMatrix(0, u.rows - 1, 0, count - 1),
    s: s.slice(0, count),
    v: v.subMatrix(0, v.rows - 1, 0, count - 1),
  };
}

function sorted(u: Matrix, s: readonly number[], v: Matrix): SingularVectors {
  const order = s.map((_, index) => index).sort((one, other) => s[other]! - s[one]!);
  return { u: u.subMatrixColumn(order), s: order.map((index) => s[index]!), v: v.subMatrixColumn(order) };
}
