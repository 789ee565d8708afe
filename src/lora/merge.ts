import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { namedLayers, namedWeights, rebuild, variableOf } from '../models/index.ts';
import { adapterWeights } from './layers/adapter.ts';
import { loraLayers, type NamedLoraLayer } from './lora-layers.ts';

/**
 * Returns a plain model with the active adapters, at their strengths, added to its weights. It computes what the
 * adapted model computes, within rounding, and loads in tfjs without this library. The adapted model does not change.
 *
 * @throws UsageError if the model is not an adapted one (for instance because it is merged already)
 * @throws CheckpointError if an adapter has values that are not finite
 *
 * @example
 * await mergeLora(model).save('file://merged');
 */
export function mergeLora(model: tf.LayersModel): tf.LayersModel {
  const layers = loraLayers(model);
  checkFinite(layers);
  const merged = unmergeLora(model);
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
 * Returns a plain model without the adapters: the base, bit for bit.
 *
 * @throws UsageError if the model is not an adapted one
 */
export function unmergeLora(model: tf.LayersModel): tf.LayersModel {
  loraLayers(model);
  return rebuild(model, (_path, node) => {
    node.config.trainable = true;
    if (node.config.lora === undefined) return;
    delete node.config.lora;
    node.className = node.className.slice('Lora'.length);
  });
}

function checkFinite(layers: readonly NamedLoraLayer[]): void {
  for (const { path, layer } of layers) {
    for (const [adapterName, adapter] of layer.adapters) {
      for (const [name, weight] of adapterWeights(adapter)) {
        if (variableOf(weight).dataSync().every(Number.isFinite)) continue;
        throw new CheckpointError(
          'invalid-checkpoint',
          `adapter '${adapterName}' of layer '${path}': ${name} has values that are not finite; nothing was merged`,
        );
      }
    }
  }
}
