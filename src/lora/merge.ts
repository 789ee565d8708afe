import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { namedLayers, namedModels, namedWeights, rebuild, variableOf } from '../models/index.ts';
import { adapterWeights, type LayerAdapter } from './layers/adapter.ts';
import type { LoraLayerConfig } from './layers/lora-layer.ts';
import { adaptableLayers, loraLayers, type NamedLoraLayer } from './lora-layers.ts';

/**
 * Returns a new plain model with the active adapters merged into its weights, each at its current strength. Its outputs
 * equal those of the adapted model up to rounding, and it loads in tfjs without this library. The adapted model does not
 * change. The caller disposes both.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 * @throws CheckpointError if an adapter contains NaN or Inf
 *
 * @example
 * await mergeLora(model).save('file://merged');
 */
export function mergeLora(model: tf.LayersModel): tf.LayersModel {
  const layers = loraLayers(model);
  checkFinite(layers);
  const merged = unloadLora(model);
  const loraLayerAt = new Map(layers.map(({ path, layer }) => [path, layer]));
  for (const { path, layer } of namedLayers(merged)) {
    const loraLayer = loraLayerAt.get(path);
    if (!loraLayer) continue;
    for (const [name, weight] of namedWeights(layer)) {
      const value = loraLayer.mergedWeight(name);
      variableOf(weight).assign(value);
      value.dispose();
    }
  }
  return merged;
}

/**
 * Returns a new plain model without the adapters, with the weights of the base bit for bit (PEFT's `unload`). Layers that
 * were frozen before `injectLora` are frozen again.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 */
export function unloadLora(model: tf.LayersModel): tf.LayersModel {
  const frozen = new Set(adaptableLayers(model).flatMap(({ layer }) => layer.frozenPaths));
  const base = rebuild(model, (path, node) => {
    node.config.trainable = !frozen.has(path); // injectLora froze the layers without adapters
    const lora = node.config.lora as LoraLayerConfig | undefined;
    if (lora === undefined) return;
    delete node.config.lora;
    node.className = lora.className ?? node.className.slice('Lora'.length);
  });
  for (const named of namedModels(base)) if (frozen.has(named.path)) named.model.trainable = false;
  return base;
}

/** @throws CheckpointError if an adapter of the layers contains NaN or Inf */
export function checkFinite(layers: readonly NamedLoraLayer[]): void {
  for (const { path, layer } of layers)
    for (const adapter of layer.adapters.values()) checkFiniteAdapter(path, adapter);
}

/** @throws CheckpointError if an adapter on the layer at `path` contains NaN or Inf */
export function checkFiniteAdapter(path: string, adapter: LayerAdapter): void {
  for (const [name, weight] of adapterWeights(adapter)) {
    if (variableOf(weight).dataSync().every(Number.isFinite)) continue;
    throw new CheckpointError(
      'invalid-checkpoint',
      `adapter '${adapter.settings.name}' of layer '${path}': ${name} contains NaN or Inf; train the adapter again`,
    );
  }
}
