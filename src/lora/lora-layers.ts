import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import { placedLayers } from './topology.ts';

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
 * The adapted layers of a model, in its order.
 *
 * @throws UsageError when there are none
 */
export function loraLayers(model: tf.LayersModel): PlacedLoraLayer[] {
  const layers = placedLayers(model).filter((placed): placed is PlacedLoraLayer => isLoraLayer(placed.layer));
  if (layers.length === 0)
    throw new UsageError(`model '${model.name}' has no adapters: it was merged already or never adapted`);
  return layers;
}

/** Names of the adapters that any layer has. */
export function adapterNames(model: tf.LayersModel): string[] {
  return [...new Set(loraLayers(model).flatMap(({ layer }) => [...layer.adapters.keys()]))];
}
