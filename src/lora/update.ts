import * as tf from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import { UsageError } from '../errors.ts';
import { takeValues, variableOf } from '../models/index.ts';
import { type AdapterSettings, type KernelUpdate, scalingOf } from './layers/adapter.ts';
import { type LoraLayer, requireLoraLayer } from './layers/lora-layer.ts';
import { hstack, matrixOf, productSvd, svd, vstack } from './math/linear-algebra.ts';

/** The size of an update and the number of directions that it uses. */
export interface UpdateSpectrum {
  /** Shape of the base's kernel. */
  readonly kernelShape: readonly number[];
  /** Frobenius norm of the base's kernel. */
  readonly kernelNorm: number;
  /** Frobenius norm of the update at strength 1, scaling·A·B. */
  readonly updateNorm: number;
  /**
   * Singular values of the update, descending: `rank` of them, or 2 · rank for PiSSA, OLoRA and LoRA-GA, but at most as
   * many as the smaller side of the kernel. All of them for method 'weight-view'.
   */
  readonly singularValues: readonly number[];
  /**
   * How many directions the update uses: exp of the entropy of the squared singular values, as shares of their sum
   * (Roy and Vetterli 2007). From 1 to the rank or the smaller side of the kernel; 0 if the update is zero.
   */
  readonly effectiveRank: number;
}

/**
 * Measures the update of a kernel without computing the product A·B.
 *
 * @param kernel name of the kernel, such as `recurrent_kernel`; needed if the adapter updates several of the layer
 * @returns undefined if the adapter has no A and B for it
 * @throws UsageError if the adapter updates several kernels and none is named
 *
 * @example
 * for (const { path, layer } of loraLayers(model))
 *   console.log(path, updateSpectrum(layer, 'default')?.effectiveRank);
 */
export function updateSpectrum(
  layer: LoraLayer,
  adapter: string,
  kernel?: string,
): UpdateSpectrum | undefined {
  requireLoraLayer(layer);
  const layerAdapter = layer.adapters.get(adapter);
  const updates = layerAdapter?.updates ?? new Map<string, KernelUpdate>();
  if (kernel === undefined && updates.size > 1)
    throw new UsageError(
      'invalid-argument',
      `kernel: adapter '${adapter}' updates several kernels of layer '${layer.name}'; name one of ${[...updates.keys()].join(', ')}`,
    );
  const update = kernel === undefined ? [...updates.values()][0] : updates.get(kernel);
  if (!update) return undefined;
  const scaling = scalingOf(layerAdapter!.settings);
  const singularValues = productSingularValues(layer, layerAdapter!.settings, update).map(
    (value) => value * scaling,
  );
  const squares = singularValues.map((value) => value ** 2);
  const total = squares.reduce((sum, value) => sum + value, 0);
  const entropy = squares
    .map((value) => value / total)
    .filter((share) => share > 0)
    .reduce((sum, share) => sum - share * Math.log(share), 0);
  const weight = layer.baseWeights.get(update.kind.kernelName)!.read();
  return {
    kernelShape: weight.shape,
    kernelNorm: tf.tidy(() => tf.norm(weight).dataSync()[0]!),
    updateNorm: Math.sqrt(total),
    singularValues,
    effectiveRank: total > 0 ? Math.exp(entropy) : 0,
  };
}

function productSingularValues(
  layer: LoraLayer,
  settings: AdapterSettings,
  update: KernelUpdate,
): readonly number[] {
  const { kind } = update;
  if (layer.method !== 'weight-view')
    return updateFactors(layer, settings, update)
      .flatMap(({ a, b }) => productSvd(a, b).s)
      .sort((first, second) => second - first);
  const [inputs, outputs] = layer.baseWeights.get(kind.kernelName)!.shape as [number, number];
  const product = tf.tidy(() => kind.product(update.a.read(), update.b.read(), [inputs, outputs]));
  return svd(matrixOf(takeValues(product), inputs, outputs)).s;
}

/** Two matrices whose product is an update. */
export interface FactorPair {
  /** [inputs, k] */
  readonly a: Matrix;
  /** [k, outputs] */
  readonly b: Matrix;
}

/**
 * Returns the update of a kernel at strength 1 as scaling·A·B with two matrices, or two for each matrix of a stack. Their inner
 * side k is the rank, or 2 · rank if the adapter subtracts its initial update: [A A₀]·[B; -B₀]. Not for method 'weight-view',
 * whose update is not a product of two matrices.
 */
export function updateFactors(
  layer: LoraLayer,
  settings: AdapterSettings,
  { kind, a, b, initialA, initialB }: KernelUpdate,
): (FactorPair & { readonly scaling: number })[] {
  const kernel = layer.baseWeights.get(kind.kernelName)!;
  const { inputs, outputs } = kind.matrixShape(kernel.shape as number[]);
  const { rank } = settings;
  const matrices = (weight: tf.LayerVariable, rows: number, columns: number) => {
    const values = variableOf(weight).dataSync<'float32'>();
    const size = rows * columns;
    return Array.from({ length: values.length / size }, (_, index) =>
      matrixOf(values.subarray(index * size, (index + 1) * size), rows, columns),
    );
  };
  const [left, right] = [matrices(a, inputs, rank), matrices(b, rank, outputs)];
  const initialLeft = initialA && matrices(initialA, inputs, rank);
  const initialRight = initialB && matrices(initialB, rank, outputs);
  return left.map((matrix, index) => ({
    a: initialLeft ? hstack(matrix, initialLeft[index]!) : matrix,
    b: initialRight ? vstack(right[index]!, initialRight[index]!.mul(-1)) : right[index]!,
    scaling: scalingOf(settings),
  }));
}
