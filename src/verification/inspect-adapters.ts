import type { AdaptableModel } from '../layers-model.ts';
import { baseClassOf, loraLayers, loraSummary, placeOf, updateSpectrum } from '../lora/index.ts';
import { formatNumber } from '../text/index.ts';

/** The settings of one adapter on one kernel of a layer, and how much it changes the kernel. */
export interface LayerInspection {
  /** Path of the layer in the model: `linear1`, `block.conv`. */
  readonly path: string;
  /** The class of the base layer, such as `Dense`. */
  readonly type: string;
  readonly adapter: string;
  /** The weight that is updated, such as `kernel`; absent without a low-rank update. */
  readonly weight?: string;
  /** Shape of the adapted weight, in tfjs' layout; empty if the adapter has no low-rank update on this layer. */
  readonly kernelShape: readonly number[];
  /** 0 if the adapter only trains a bias, or all weights of the layer. */
  readonly rank: number;
  readonly alpha: number;
  readonly rslora: boolean;
  /** alpha / rank, with rsLoRA alpha / sqrt(rank). */
  readonly scaling: number;
  /** `scaling` times the adapter's strength; 0 while the adapter is off. */
  readonly effectiveScale: number;
  readonly trainableParameters: number;
  /** Frobenius norm of the base's kernel. Absent without a low-rank update, as are the following. */
  readonly kernelNorm?: number;
  /** Frobenius norm of the update at strength 1. */
  readonly updateNorm?: number;
  /** updateNorm / kernelNorm */
  readonly updateShare?: number;
  /** The singular values of the update at strength 1, descending. */
  readonly singularValues?: readonly number[];
  /** How many directions the update uses: the exponential of the entropy of its squared singular values. */
  readonly effectiveRank?: number;
}

/**
 * Measures every adapter of a model on every layer: settings, trainable parameters, and the size and rank of the
 * update.
 *
 * @throws UsageError if the model has no adapters
 * @example
 * for (const { path, rank, effectiveRank } of inspectAdapters(model)) {
 *   console.log(`${path}: uses ${effectiveRank?.toFixed(1)} of rank ${rank}`);
 * }
 */
export function inspectAdapters(model: AdaptableModel): LayerInspection[] {
  const layers = new Map(loraLayers(model).map(({ path, layer }) => [path, layer]));
  return loraSummary(model).layers.map((summary) => {
    const layer = layers.get(summary.path)!;
    const spectrum = updateSpectrum(layer, summary.adapter, summary.weight);
    return {
      ...summary,
      type: baseClassOf(layer),
      rslora: layer.adapters.get(summary.adapter)!.settings.rslora,
      kernelShape: [],
      ...(spectrum && { ...spectrum, updateShare: spectrum.updateNorm / spectrum.kernelNorm }),
    };
  });
}

/**
 * Problems that the measurements suggest, one line each: adapters that change nothing, an alpha that was chosen for
 * another rank, updates larger than their kernel.
 *
 * @param layers as `inspectAdapters` returns them
 * @example
 * for (const warning of adapterWarnings(inspectAdapters(model))) console.warn(warning);
 */
export function adapterWarnings(layers: readonly LayerInspection[]): string[] {
  const adapters = new Set(layers.map(({ adapter }) => adapter));
  return [...adapters].flatMap((adapter) => {
    const lowRank = layers.filter((layer) => layer.adapter === adapter && layer.rank > 0);
    return [...zeroUpdates(adapter, lowRank), ...mismatchedAlphas(lowRank), ...largeUpdates(lowRank)];
  });
}

function zeroUpdates(adapter: string, layers: readonly LayerInspection[]): string[] {
  const unchanged = layers
    .filter(({ updateNorm }) => updateNorm === 0)
    .map((layer) => placeOf(layer, layers));
  if (unchanged.length === 0) return [];
  return unchanged.length === layers.length
    ? [`adapter '${adapter}' changes nothing (its update is zero on every layer); train it`]
    : [
        `adapter '${adapter}' changes nothing at ${unchanged.join(', ')} (its update is zero there); check these layers for dead units`,
      ];
}

/**
 * Layers with another rank than most, but the same alpha: their updates are scaled by alpha / rank, so they are
 * weighted differently, probably by mistake. With rsLoRA that is intended.
 */
function mismatchedAlphas(layers: readonly LayerInspection[]): string[] {
  const layersOfRank = (rank: number) => layers.filter((layer) => layer.rank === rank).length;
  const [usual] = layers.toSorted((a, b) => layersOfRank(b.rank) - layersOfRank(a.rank));
  if (!usual) return [];
  return layers
    .filter(({ rank, alpha, rslora }) => !rslora && rank !== usual.rank && alpha === usual.alpha)
    .map(
      ({ rank, alpha, scaling, ...layer }) =>
        `'${placeOf(layer, layers)}' has rank ${rank} but the same alpha (${alpha}) as layers of rank ${usual.rank}, so its update is scaled by ${formatNumber(scaling)} instead of ${formatNumber(usual.scaling)}; use alpha ${formatNumber(usual.scaling * rank)} to scale it equally`,
    );
}

function largeUpdates(layers: readonly LayerInspection[]): string[] {
  return layers.flatMap(({ updateShare = 0, ...layer }) =>
    updateShare > 1
      ? [
          `the update of '${placeOf(layer, layers)}' is ${formatNumber(updateShare)} times as large as its kernel; use a smaller learning rate or alpha`,
        ]
      : [],
  );
}
