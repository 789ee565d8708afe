import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import { placedLayers } from './topology.ts';

/** An adapted layer and where it is in its model. */
export interface PlacedLoraLayer {
  /** Names from the model inwards, joined by dots. */
  readonly path: string;
  readonly layer: LoraLayer;
}

/** Whether a model has adapted layers. */
export function hasLora(model: tf.LayersModel): boolean {
  return placedLayers(model).some(({ layer }) => isLoraLayer(layer));
}

/**
 * The layers of a model that have adapters, in its order.
 *
 * @throws UsageError when the model is not an adapted one
 */
export function loraLayers(model: tf.LayersModel): PlacedLoraLayer[] {
  return adaptableLayers(model).filter(({ layer }) => layer.adapters.size > 0);
}

/**
 * The layers of an adapted model that have or could be given an adapter.
 *
 * @throws UsageError when the model is not an adapted one
 */
export function adaptableLayers(model: tf.LayersModel): PlacedLoraLayer[] {
  const layers = placedLayers(model).filter((placed): placed is PlacedLoraLayer => isLoraLayer(placed.layer));
  if (layers.length === 0)
    throw new UsageError(`model '${model.name}' has no adapters: it was merged already or never adapted`);
  return layers;
}

/** Names of the adapters that any layer has. */
export function adapterNames(model: tf.LayersModel): string[] {
  return [...new Set(loraLayers(model).flatMap(({ layer }) => [...layer.adapters.keys()]))];
}
