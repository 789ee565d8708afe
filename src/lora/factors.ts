import { Matrix } from 'ml-matrix';
import { variableOf } from '../models/index.ts';
import { type LayerAdapter, scalingOf } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';
import { kernelName } from './layers/names.ts';
import { matrixOf } from './linear-algebra.ts';

/** Two matrices whose product is an update. */
export interface FactorPair {
  /** [inputs, k] */
  readonly a: Matrix;
  /** [k, outputs] */
  readonly b: Matrix;
}

/** An update at strength 1: scaling·A·B. */
export interface Factors extends FactorPair {
  readonly scaling: number;
}

/**
 * An adapter's update of a kernel as two matrices: k is the rank, or twice that where the update is counted from
 * where it began (PiSSA, OLoRA). Not for `weight-view`, whose update is no product of matrices.
 */
export function updateFactors(layer: LoraLayer, adapter: LayerAdapter): Factors {
  const { a, b, initialA, initialB, settings } = adapter;
  const kernel = layer.baseWeights.get(kernelName(layer.kind!))!;
  const { inputs, outputs } = layer.kind!.sides(kernel.shape as number[]);
  const { rank } = settings;
  const left = (weight: typeof a) => matrixOf(variableOf(weight!).dataSync(), inputs, rank);
  const right = (weight: typeof b) => matrixOf(variableOf(weight!).dataSync(), rank, outputs);
  const scaling = scalingOf(settings);
  if (!initialA) return { a: left(a), b: right(b), scaling };
  return {
    a: beside(left(a), left(initialA)),
    b: below(right(b), right(initialB).mul(-1)),
    scaling,
  };
}

/** Matrices of as many rows next to each other. */
export function beside(...matrices: readonly Matrix[]): Matrix {
  const whole = Matrix.zeros(matrices[0]!.rows, sum(matrices.map(({ columns }) => columns)));
  let column = 0;
  for (const matrix of matrices) {
    whole.setSubMatrix(matrix, 0, column);
    column += matrix.columns;
  }
  return whole;
}

/** Matrices of as many columns one under the other. */
export function below(...matrices: readonly Matrix[]): Matrix {
  return beside(...matrices.map((matrix) => matrix.transpose())).transpose();
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
