import * as tf from '@tensorflow/tfjs';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { hasLora, loraLayers } from './lora-layers.ts';
import { inputList, type ModelInputs } from './model-inputs.ts';

/**
 * Runs a model without its adapters, and returns the inputs of some of its layers: a list with one tensor for each call of the
 * layer, since layers can be shared. In a GraphModel the layers must be of class `Dense`. Leaves intermediate tensors for the
 * caller's `tidy`.
 */
export function layerInputs(
  model: AdaptableModel,
  batch: ModelInputs,
  layers: readonly tf.layers.Layer[],
): Map<tf.layers.Layer, tf.Tensor[]> {
  return withoutAdapters(model, () =>
    isLayeredGraphModel(model) ? model.layerInputs(batch, layers) : observeCalls(model, batch, layers),
  );
}

/** Runs `compute` while all adapters are disabled. */
function withoutAdapters<T>(model: AdaptableModel, compute: () => T): T {
  const enabled = hasLora(model) ? loraLayers(model).filter(({ layer }) => layer.enabled) : [];
  for (const { layer } of enabled) layer.setEnabled(false);
  try {
    return compute();
  } finally {
    for (const { layer } of enabled) layer.setEnabled(true);
  }
}

/** Runs a LayersModel while `call` of some layers also stores its input. */
function observeCalls(
  model: tf.LayersModel,
  batch: ModelInputs,
  layers: readonly tf.layers.Layer[],
): Map<tf.layers.Layer, tf.Tensor[]> {
  const inputs = new Map(layers.map((layer) => [layer, [] as tf.Tensor[]]));
  const restore = layers.map((layer) => {
    const own = Object.getOwnPropertyDescriptor(layer, 'call');
    const call = layer.call.bind(layer);
    layer.call = (x, kwargs) => {
      const [input] = [x].flat();
      inputs.get(layer)!.push(tf.keep(input!.clone())); // tfjs disposes it before the model's outputs are computed
      return call(x, kwargs);
    };
    return () => {
      if (own) Object.defineProperty(layer, 'call', own);
      else delete (layer as Partial<tf.layers.Layer>).call;
    };
  });
  try {
    model.apply(inputList(model, batch), { training: false });
    return new Map([...inputs].map(([layer, kept]) => [layer, kept.map((x) => x.clone())]));
  } finally {
    for (const undo of restore) undo();
    for (const kept of inputs.values()) tf.dispose(kept);
  }
}
