import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { namedLayers } from '../models/index.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';

/** An adapted layer and where it is in its model. */
export interface NamedLoraLayer {
  /** Names from the model inwards, joined by dots. */
  readonly path: string;
  readonly layer: LoraLayer;
}

/** Whether a model has adapted layers. */
export function hasLora(model: tf.LayersModel): boolean {
  return namedLayers(model).some(({ layer }) => isLoraLayer(layer));
}

/**
 * The layers of a model that have adapters, in its order.
 *
 * @throws UsageError when the model is not an adapted one
 */
export function loraLayers(model: tf.LayersModel): NamedLoraLayer[] {
  return adaptableLayers(model).filter(({ layer }) => layer.adapters.size > 0);
}

/**
 * The layers of an adapted model that have or could be given an adapter.
 *
 * @throws UsageError when the model is not an adapted one
 */
export function adaptableLayers(model: tf.LayersModel): NamedLoraLayer[] {
  const layers = namedLayers(model).filter((placed): placed is NamedLoraLayer => isLoraLayer(placed.layer));
  if (layers.length === 0)
    throw new UsageError(
      'invalid-argument',
      `model '${model.name}' has no adapters: it was merged already or never adapted`,
    );
  return layers;
}

/** Names of the adapters that any layer has. */
export function adapterNames(model: tf.LayersModel): string[] {
  return [...new Set(loraLayers(model).flatMap(({ layer }) => [...layer.adapters.keys()]))];
}
