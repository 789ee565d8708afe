import type * as tf from '@tensorflow/tfjs';
import { namedLayers } from '../models/index.ts';
import { adapterWeights, scalingOf } from './layers/adapter.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import { loraLayers } from './lora-layers.ts';

/** One adapter on one layer. */
export interface LoraLayerSummary {
  readonly path: string;
  readonly adapter: string;
  /** 0 where only a bias or the whole layer trains. */
  readonly rank: number;
  readonly alpha: number;
  /** alpha / rank, or alpha / sqrt(rank). */
  readonly scaling: number;
  /** What A·B is multiplied by now: scaling times strength, 0 while off. */
  readonly effectiveScale: number;
  readonly trainableParameters: number;
}

/** How many values an adapted model holds and trains. */
export interface LoraSummary {
  readonly layers: readonly LoraLayerSummary[];
  /** Values of the base model. */
  readonly baseParameters: number;
  /** Values that training changes now. */
  readonly trainableParameters: number;
  /** Base and low-rank values; a bias that trains as a copy counts once. */
  readonly totalParameters: number;
  /** trainableParameters / totalParameters */
  readonly shareOfTotal: number;
  /** trainableParameters / baseParameters */
  readonly shareOfBase: number;
}

/** Counts an adapted model's parameters, as a whole and by layer and adapter. */
export function loraSummary(model: tf.LayersModel): LoraSummary {
  const lora = loraLayers(model);
  const layers = lora.flatMap(({ path, layer }) => summarizeLayer(path, layer));
  const baseParameters = count(namedLayers(model).flatMap(({ layer }) => ownWeights(layer)));
  const added = count(lora.flatMap(({ layer }) => [...layer.adapters.values()].flatMap(addedWeights)));
  const trainableParameters = count(model.trainableWeights);
  const totalParameters = baseParameters + added;
  return {
    layers,
    baseParameters,
    trainableParameters,
    totalParameters,
    shareOfTotal: trainableParameters / totalParameters,
    shareOfBase: trainableParameters / baseParameters,
  };
}

function summarizeLayer(path: string, layer: LoraLayer): LoraLayerSummary[] {
  return [...layer.adapters.values()].map((adapter) => {
    const { name, rank, alpha } = adapter.settings;
    return {
      path,
      adapter: name,
      rank,
      alpha,
      scaling: scalingOf(adapter.settings),
      effectiveScale: adapter.scale.dataSync()[0]!,
      trainableParameters: count([...adapterWeights(adapter).values()].filter((weight) => weight.trainable)),
    };
  });
}

function ownWeights(layer: tf.layers.Layer): tf.LayerVariable[] {
  return isLoraLayer(layer) ? [...layer.baseWeights.values()] : layer.weights;
}

function addedWeights(adapter: Parameters<typeof adapterWeights>[0]): tf.LayerVariable[] {
  const copies = new Set(adapter.trainedCopies.values());
  return [...adapterWeights(adapter).values()].filter((weight) => !copies.has(weight));
}

function count(weights: readonly tf.LayerVariable[]): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce<number>((size, side) => size * side!, 1), 0);
}
