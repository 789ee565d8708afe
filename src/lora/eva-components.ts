import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { layerInputs } from './layer-inputs.ts';
import { type PrincipalComponents, updateComponents } from './math/incremental-pca.ts';
import type { ModelInputs } from './model-inputs.ts';

/** Most passes over the batches. */
const MAX_PASSES = 100;

/** Singular values below this fraction of the largest are rounding errors of float32. */
const NEGLIGIBLE = 1e-6;

/** The principal components of one layer's inputs. */
export interface LayerComponents {
  readonly path: string;
  readonly layer: tf.layers.Layer;
  /** The rank of the configuration. */
  readonly rank: number;
  /** How many components are computed: the highest rank that the layer can get. */
  readonly count: number;
  /** Of the batches so far. Absent until one has enough rows. */
  found?: PrincipalComponents;
  /** For each component, whether the last batch has left its direction nearly unchanged (see `EvaConfig.tau`). */
  converged: readonly boolean[];
}

/**
 * Computes the components of the layers, batch by batch, until all of those that become columns of A have converged.
 *
 * @param layers receive their components (`found`)
 * @returns the new ranks by layer path
 * @throws UsageError if no batch has enough rows for a layer, or the components do not converge
 */
export function findComponents(
  model: AdaptableModel,
  layers: readonly LayerComponents[],
  { batches, tau }: { readonly batches: readonly ModelInputs[]; readonly tau: number },
): Map<string, number> {
  let ranks = new Map(layers.map(({ path, count }) => [path, count]));
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    for (const batch of batches) {
      const pending = layers.filter(
        ({ path, found, converged }) => !found || !converged.slice(0, ranks.get(path)).every(Boolean),
      );
      if (pending.length === 0) return ranks;
      tf.tidy(() => {
        const inputs = layerInputs(
          model,
          batch,
          pending.map(({ layer }) => layer),
        );
        for (const layer of pending) updateLayer(layer, inputs.get(layer.layer)!, tau);
      });
      if (layers.every(({ found }) => found)) ranks = distributeRanks(layers);
    }
    const empty = layers.find(({ found }) => !found);
    if (empty)
      throw new UsageError(
        'invalid-argument',
        `layer '${empty.path}': no batch has the ${empty.count} rows that init 'eva' needs; use larger batches, or a lower rank or rho`,
      );
  }
  throw new UsageError(
    'invalid-argument',
    `init 'eva': the components did not converge in ${MAX_PASSES} passes over the batches; use more batches, or a lower tau (${tau})`,
  );
}

/**
 * Updates the components of a layer with its inputs of one batch. Skips a batch with fewer rows than components.
 *
 * @param inputs one tensor [batch, ..., features] for each call of the layer
 * @throws UsageError if the inputs contain NaN or Inf
 */
function updateLayer(layer: LayerComponents, inputs: readonly tf.Tensor[], tau: number): void {
  const { path, count, found: previous } = layer;
  const rows = tf.concat(inputs.map((x) => tf.reshape(x, [-1, x.shape.at(-1)!]))) as tf.Tensor2D;
  if (rows.shape[0] < count) return;
  if (!Number.isFinite(tf.sum(rows).dataSync()[0]))
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': its inputs contain NaN or Inf; check the batches`,
    );
  const found = updateComponents(previous, rows, count);
  layer.found = found;
  if (previous)
    layer.converged = layer.converged.map((_, index) => {
      const similarity = dot(found.components.getRow(index), previous.components.getRow(index));
      return similarity >= tau || !isSignificant(found, index);
    });
}

/**
 * Returns new ranks by layer path with the same sum as those of the configuration: one for each of the components that explain
 * the largest shares of the variance of their layers' inputs.
 */
function distributeRanks(layers: readonly LayerComponents[]): Map<string, number> {
  const budget = layers.reduce((sum, { rank }) => sum + rank, 0);
  const shares = layers.flatMap(({ path, found }) =>
    found!.singularValues.map((value) => ({ path, share: value ** 2 / (found!.squaredDeviations || 1) })),
  );
  shares.sort((first, second) => second.share - first.share);
  const ranks = new Map(layers.map(({ path }) => [path, 0]));
  for (const { path } of shares.slice(0, budget)) ranks.set(path, ranks.get(path)! + 1);
  return ranks;
}

/** Whether the variance that a component explains is more than rounding errors. */
export function isSignificant({ singularValues }: PrincipalComponents, index: number): boolean {
  return singularValues[index]! > NEGLIGIBLE * singularValues[0]!;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}
