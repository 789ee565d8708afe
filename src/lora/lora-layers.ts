import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { namedLayers, namedWeights } from '../models/index.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';

/** An adapted layer with its path in the model. */
export interface NamedLoraLayer {
  /** Names of the layer and the models around it, outermost first, joined by dots. */
  readonly path: string;
  readonly layer: LoraLayer;
}

/** Whether a model is adapted: it has LoRA layers, with or without adapters. */
export function hasLora(model: AdaptableModel): boolean {
  return namedLayers(model).some(({ layer }) => isLoraLayer(layer));
}

/**
 * Returns the layers of a model that have adapters, in the model's order.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 */
export function loraLayers(model: AdaptableModel): NamedLoraLayer[] {
  return adaptableLayers(model).filter(({ layer }) => layer.adapters.size > 0);
}

/**
 * Returns all LoRA layers of an adapted model: the layers that have an adapter, and those that can get one.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 */
export function adaptableLayers(model: AdaptableModel): NamedLoraLayer[] {
  const layers = namedLayers(model).filter((named): named is NamedLoraLayer => isLoraLayer(named.layer));
  if (layers.length === 0)
    throw new UsageError(
      'invalid-argument',
      `model '${model.name}': has no adapters; it was never adapted, or is merged already`,
    );
  return layers;
}

/**
 * Checks that layers can get adapters. Every layer with weights can, unless its class makes instances of another class
 * from its configuration.
 *
 * @throws UsageError if one cannot
 */
export function requireLoraLayers(model: AdaptableModel, paths: Iterable<string>): void {
  const layers = new Map(namedLayers(model).map(({ path, layer }) => [path, layer]));
  for (const path of paths) {
    const layer = layers.get(path)!;
    if (isLoraLayer(layer)) continue;
    const className = layer.getClassName();
    throw new UsageError(
      'invalid-argument',
      `layer '${path}' (${className}): cannot be adapted, because ${className}.fromConfig(cls, config) does not return 'new cls(config)'; change it, or leave the layer out with 'exclude'`,
    );
  }
}

/** Returns the names of all adapters of a model. */
export function adapterNames(model: AdaptableModel): string[] {
  return [...new Set(loraLayers(model).flatMap(({ layer }) => [...layer.adapters.keys()]))];
}

/**
 * Returns the weights of the base by `path/name`, in the model's order: the same entries for a plain model and for its
 * adapted one, so that equal hashes prove that training did not change the base.
 */
export function baseWeights(model: AdaptableModel): Map<string, tf.Variable> {
  const result = new Map<string, tf.Variable>();
  for (const { path, layer } of namedLayers(model)) {
    const weights = isLoraLayer(layer) ? layer.baseWeights : namedWeights(layer);
    for (const [name, weight] of weights) result.set(`${path}/${name}`, weight.read() as tf.Variable);
  }
  return result;
}
