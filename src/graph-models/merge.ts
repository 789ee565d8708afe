import * as tf from '@tensorflow/tfjs';
import {
  checkFinite,
  hasLora as hasLoraLayers,
  isReplaced,
  loraLayers,
  mergeLora as mergeLayers,
  unloadLora as unloadLayers,
} from '../lora/index.ts';
import { replaceWeights } from './artifacts.ts';
import { internalsOf } from './graph.ts';
import { LoraGraphModel } from './lora-graph-model.ts';

/**
 * Returns a new plain model with the active adapters merged into its weights, each at its current strength. Its outputs
 * equal those of the adapted model up to rounding, and it loads in tfjs without this library. The adapted model does not
 * change. The caller disposes both.
 *
 * A GraphModel keeps its topology, and the weights without adapters stay stored as they are, also quantized.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 * @throws CheckpointError if an adapter contains NaN or Inf
 *
 * @example
 * await mergeLora(model).save('file://merged');
 */
export function mergeLora(model: LoraGraphModel): tf.GraphModel;
export function mergeLora(model: tf.LayersModel): tf.LayersModel;
export function mergeLora(model: tf.LayersModel | LoraGraphModel): tf.LayersModel | tf.GraphModel;
export function mergeLora(model: tf.LayersModel | LoraGraphModel): tf.LayersModel | tf.GraphModel {
  if (!(model instanceof LoraGraphModel)) return mergeLayers(model);
  checkFinite(loraLayers(model));
  const changed = new Map<string, tf.Tensor>();
  for (const { layer, constants } of model.nodes)
    for (const [weightName, constant] of constants)
      if (isReplaced(layer, weightName)) changed.set(constant, layer.mergedWeight(weightName));
  return plainCopy(model, changed);
}

/**
 * Returns a new plain model without the adapters, with the weights of the base bit for bit (PEFT's `unload`). Layers that
 * were frozen before `injectLora` are frozen again.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 */
export function unloadLora(model: LoraGraphModel): tf.GraphModel;
export function unloadLora(model: tf.LayersModel): tf.LayersModel;
export function unloadLora(model: tf.LayersModel | LoraGraphModel): tf.LayersModel | tf.GraphModel;
export function unloadLora(model: tf.LayersModel | LoraGraphModel): tf.LayersModel | tf.GraphModel {
  return model instanceof LoraGraphModel ? plainCopy(model, new Map()) : unloadLayers(model);
}

/** Whether the model has LoRA layers. */
export function hasLora(model: tf.LayersModel | tf.GraphModel): boolean {
  if (model instanceof tf.GraphModel) return model instanceof LoraGraphModel;
  return hasLoraLayers(model);
}

/** Returns a GraphModel without adapters, with new tensors for some constants, which it takes over. */
function plainCopy(model: LoraGraphModel, changed: ReadonlyMap<string, tf.Tensor>): tf.GraphModel {
  const { artifacts, executor } = internalsOf(model);
  const copy = new tf.GraphModel(artifactsUrl);
  const weights = Object.entries(executor.weightMap).map(
    ([name, [tensor]]) => [name, changed.get(name) ?? tensor!.clone()] as const,
  );
  const merged = changed.size > 0 ? replaceWeights(artifacts, executor.weightMap, changed) : artifacts;
  internalsOf(copy).loadWithWeightMap(merged, Object.fromEntries(weights));
  return copy;
}

/** tfjs asks for the place that a model is loaded from, and does not use it here. */
const artifactsUrl = '';
