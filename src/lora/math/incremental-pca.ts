import * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import { rightVectors, valuesOf } from './linear-algebra.ts';

/** The principal components of all rows seen so far. */
export interface PrincipalComponents {
  /** Number of rows seen. */
  readonly rows: number;
  /** Mean of each feature [features]. */
  readonly mean: readonly number[];
  /** Sum over all rows and features of the squared deviations from the mean: rows times the total variance. */
  readonly squaredDeviations: number;
  /** [components, features], orthonormal; the largest value of each is positive. */
  readonly components: Matrix;
  /** [components], descending. */
  readonly singularValues: readonly number[];
}

/**
 * Updates principal components with more rows, without the earlier rows (Ross et al. 2008, "Incremental learning for robust
 * visual tracking", as in scikit-learn's `IncrementalPCA`): decomposes a matrix of the old components times their singular
 * values, the new rows minus their mean, and one row for the change of the mean.
 *
 * Leaves intermediate tensors for the caller's `tidy`.
 *
 * @param previous undefined for the first rows
 * @param x [rows, features] float32
 * @param count number of components, at most the number of features, and of rows in the first call
 */
export function updateComponents(
  previous: PrincipalComponents | undefined,
  x: tf.Tensor2D,
  count: number,
): PrincipalComponents {
  const newRows = x.shape[0];
  const oldRows = previous?.rows ?? 0;
  const rows = oldRows + newRows;
  const moments = tf.moments(x, 0);
  const newMean = moments.mean.dataSync<'float32'>();
  const shift = Array.from(newMean, (value, index) => (previous ? value - previous.mean[index]! : 0));
  const shiftWeight = (oldRows * newRows) / rows;
  const centred = tf.sub(x, moments.mean) as tf.Tensor2D;
  const stacked = previous
    ? tf.concat([weightedComponents(previous), centred, tf.mul(tf.tensor2d([shift]), Math.sqrt(shiftWeight))])
    : centred;
  const { s, v } = rightVectors(stacked as tf.Tensor2D, count);
  const shiftSquares = shift.reduce((sum, value) => sum + value ** 2, 0);
  return {
    rows,
    mean: Array.from(newMean, (value, index) => value - (shift[index]! * oldRows) / rows),
    squaredDeviations:
      (previous?.squaredDeviations ?? 0) +
      tf.sum(moments.variance).dataSync()[0]! * newRows +
      shiftWeight * shiftSquares,
    components: withPositiveMaxima(v.transpose()),
    singularValues: s,
  };
}

/** Returns the components times their singular values [components, features]. */
function weightedComponents({ components, singularValues }: PrincipalComponents): tf.Tensor2D {
  const weighted = components.clone().mulColumnVector([...singularValues]);
  return tf.tensor2d(valuesOf(weighted), [weighted.rows, weighted.columns]);
}

/** Changes the signs of rows so that the value of largest magnitude in each is positive. */
function withPositiveMaxima(matrix: Matrix): Matrix {
  const signs = Array.from({ length: matrix.rows }, (_, row) => {
    const largest = matrix
      .getRow(row)
      .reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best));
    return largest < 0 ? -1 : 1;
  });
  return matrix.mulColumnVector(signs);
}
