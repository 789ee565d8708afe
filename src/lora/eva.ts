import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { namedLayers } from '../models/index.ts';
import { listNames } from '../quote.ts';
import type { ResolvedLoraConfig } from './config.ts';
import type { AdapterOptions } from './init.ts';
import { layerInputs } from './layer-inputs.ts';
import type { AdapterSettings } from './layers/adapter.ts';
import { kernelsOf } from './layers/kernels.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseClassOf, baseWeightsOf } from './layers/lora-layer.ts';
import { type PrincipalComponents, updateComponents } from './math/incremental-pca.ts';
import { valuesOf } from './math/linear-algebra.ts';
import { checkModelInputs, type ModelInputs } from './model-inputs.ts';
import { copySettings, hasBias } from './plan.ts';

/** What EVA decides about an adapter. */
export interface EvaPlan {
  /** The settings of the adapter by layer path, with the ranks that EVA gives the layers. Those of rank 0 are missing. */
  readonly plan: ReadonlyMap<string, AdapterSettings>;
  /** Row-major values of A [inputs, rank] by layer path. Layers that EVA does not support are missing. */
  readonly initialA: ReadonlyMap<string, Float32Array>;
}

type EvaOptions = Pick<AdapterOptions<never>, 'batches' | 'onWarning'>;

/** Most passes over the batches. */
const MAX_PASSES = 100;

/** Singular values below this fraction of the largest are rounding errors of float32. */
const NEGLIGIBLE = 1e-6;

/** The principal components of one layer's inputs. */
interface LayerComponents {
  readonly path: string;
  readonly layer: tf.layers.Layer;
  /** The rank of the configuration. */
  readonly rank: number;
  /** How many components are computed: the highest rank that the layer can get. */
  readonly count: number;
  /** Of the batches so far. Absent until one has enough rows. */
  found?: PrincipalComponents;
  /** Whether the last batch has left the direction of a component nearly unchanged (`tau`). */
  converged: readonly boolean[];
}

/**
 * Explained variance adaptation (EVA, Paischer et al. 2024, arXiv:2410.07170) as in PEFT: A starts as the principal
 * components of the layer's inputs, and components that explain a larger share of their layer's variance are preferred,
 * so layers get different ranks with the same sum. Layers other than dense ones keep their rank and start as with `kaiming`.
 *
 * @param plan what `planAdapter` decided about the adapter
 * @returns the plan unchanged if the configuration has another `init`
 * @throws UsageError if no dense layer is adapted, no batch has enough rows, or the components do not converge
 */
export function planEva(
  model: AdaptableModel,
  plan: ReadonlyMap<string, AdapterSettings>,
  config: ResolvedLoraConfig,
  { batches = [], onWarning }: EvaOptions,
): EvaPlan {
  if (config.init !== 'eva') return { plan, initialA: new Map() };
  for (const [index, batch] of batches.entries()) checkModelInputs(`batches[${index}]`, model, batch);
  const { rho = 2, tau = 0.99, whiten = false, adjustScalingFactors = true } = config.evaConfig ?? {};
  const layers = layersFor(model, plan, { config, rho, onWarning });
  const ranks = findComponents(model, layers, { batches, tau });
  const result = new Map(plan);
  const initialA = new Map<string, Float32Array>();
  for (const { path, layer, rank, found } of layers) {
    const settings = plan.get(path)!;
    const newRank = ranks.get(path)!;
    if (newRank > 0) {
      const alpha = adjustScalingFactors ? (settings.alpha * newRank) / rank : settings.alpha;
      result.set(path, { ...settings, rank: newRank, alpha });
      initialA.set(path, initialValues(found!, newRank, whiten));
    } else if (config.bias === 'all' && hasBias(layer)) {
      result.set(path, copySettings(settings.name, 'bias'));
    } else {
      result.delete(path);
    }
  }
  return { plan: result, initialA };
}

/**
 * Returns the dense layers that get A and B. Warns about other layers that do.
 *
 * @throws UsageError if there is no such dense layer
 */
function layersFor(
  model: AdaptableModel,
  plan: ReadonlyMap<string, AdapterSettings>,
  options: Pick<EvaOptions, 'onWarning'> & { readonly config: ResolvedLoraConfig; readonly rho: number },
): LayerComponents[] {
  const { config, rho, onWarning } = options;
  const lowRank = namedLayers(model).filter(({ path }) => (plan.get(path)?.rank ?? 0) > 0);
  const others = lowRank.filter(({ layer }) => baseClassOf(layer) !== 'Dense').map(({ path }) => path);
  if (others.length === lowRank.length)
    throw new UsageError('invalid-argument', "init 'eva': needs a dense layer to adapt; use init 'kaiming'");
  if (others.length > 0)
    onWarning?.(
      `init 'eva': supports dense layers only; others start as with 'kaiming': ${listNames(others)}`,
    );
  return lowRank
    .filter(({ path }) => !others.includes(path))
    .map(({ path, layer }) => {
      const { rank } = plan.get(path)!;
      const [[kernelName, kind]] = [...kernelsOf(layer, config.method)] as [[string, LayerKind]];
      const { inputs } = kind.matrixShape(baseWeightsOf(layer).get(kernelName)!.shape as number[]);
      const count = Math.min(Math.round(rank * rho), inputs);
      return { path, layer, rank, count, converged: new Array<boolean>(count).fill(false) };
    });
}

/**
 * Computes the components of the layers, batch by batch, until all of those that become columns of A have converged.
 *
 * @param layers receive their components (`found`)
 * @returns the new ranks by layer path
 * @throws UsageError if no batch has enough rows for a layer, or the components do not converge
 */
function findComponents(
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

/** Returns A [inputs, rank], row-major. */
function initialValues(found: PrincipalComponents, rank: number, whiten: boolean): Float32Array {
  const a = found.components.subMatrix(0, rank - 1, 0, found.components.columns - 1).transpose();
  if (whiten) {
    const factors = found.singularValues
      .slice(0, rank)
      .map((value, index) => (isSignificant(found, index) ? 1 / Math.sqrt(value) : 1));
    a.mulRowVector(factors);
  }
  return valuesOf(a);
}

/** Whether the variance that a component explains is more than rounding errors. */
function isSignificant({ singularValues }: PrincipalComponents, index: number): boolean {
  return singularValues[index]! > NEGLIGIBLE * singularValues[0]!;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}
