import type * as tf from '@tensorflow/tfjs';
import { namedLayers, namedWeights } from '../models/index.ts';
import { isLoraLayer } from './layers/lora-layer.ts';

/**
 * The base's weights by `path/name`, in the model's order: the same entries for a plain model and its adapted one, so
 * that their hashes prove that training left the base alone.
 */
export function baseWeights(model: tf.LayersModel): Map<string, tf.Variable> {
  const weights = new Map<string, tf.Variable>();
  for (const { path, layer } of namedLayers(model)) {
    const layerWeights = isLoraLayer(layer) ? layer.baseWeights : namedWeights(layer);
    for (const [name, weight] of layerWeights) weights.set(`${path}/${name}`, weight.read() as tf.Variable);
  }
  return weights;
}
