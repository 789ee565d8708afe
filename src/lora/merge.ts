import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { namedLayers, namedWeights, rebuild, variableOf } from '../models/index.ts';
import { adapterWeights } from './layers/adapter.ts';
import { loraLayers, type NamedLoraLayer } from './lora-layers.ts';

/**
 * Makes a plain model with the active adapters, at their strengths, folded into its weights: it loads in tfjs
 * without this library. Gives the adapted model's outputs within rounding. The adapted model stays as it was.
 *
 * @throws UsageError when the model has no adapters (merged already, or never adapted)
 * @throws CheckpointError when an adapter holds values that are not finite
 */
export function mergeLora(model: tf.LayersModel): tf.LayersModel {
  const adapted = loraLayers(model);
  checkFinite(adapted);
  const merged = unmergeLora(model);
  const sources = new Map(adapted.map(({ path, layer }) => [path, layer]));
  for (const { path, layer } of namedLayers(merged)) {
    const source = sources.get(path);
    if (!source) continue;
    for (const [name, weight] of namedWeights(layer)) {
      const value = source.effectiveWeight(name);
      variableOf(weight).assign(value);
      value.dispose();
    }
  }
  return merged;
}

/** Makes a plain model without the adapters: the base, bit for bit. */
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
    for (const [name, adapter] of layer.adapters) {
      for (const [part, weight] of adapterWeights(adapter)) {
        if (variableOf(weight).dataSync().every(Number.isFinite)) continue;
        throw new CheckpointError(
          'invalid-checkpoint',
          `${part} of adapter '${name}' at layer '${path}' holds values that are not finite; nothing was merged`,
        );
      }
    }
  }
}
