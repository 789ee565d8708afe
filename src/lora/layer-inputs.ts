import * as tf from '@tensorflow/tfjs';
import { wrongArgument } from '../arguments.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { listNames } from '../quote.ts';
import { hasLora, loraLayers } from './lora-layers.ts';

/** A batch of a model's inputs, as `predict` takes it. */
export type ModelInputs = tf.Tensor | tf.Tensor[] | tf.NamedTensorMap;

/**
 * @param name for the message, such as `inputs`
 * @throws UsageError if a value is not a tensor, a list or an object of tensors, one for each input of the model
 */
export function checkModelInputs(name: string, model: AdaptableModel, inputs: unknown): void {
  const isTensor = inputs instanceof tf.Tensor;
  const values: unknown[] = isTensor ? [inputs] : Object.values(Object(inputs));
  const names = Array.isArray(inputs) || isTensor ? [] : Object.keys(Object(inputs));
  const isComplete = isLayeredGraphModel(model)
    ? values.length > 0
    : values.length === model.inputs.length && names.every((input) => model.inputNames.includes(input));
  if (isComplete && values.every((value) => value instanceof tf.Tensor)) return;
  const expected = isLayeredGraphModel(model)
    ? 'a tensor, or tensors by the names of inputs'
    : `a tensor for each of the inputs ${listNames(model.inputNames)}`;
  throw wrongArgument(name, expected, inputs);
}

/**
 * Runs a model without its adapters, and returns what some of its layers get as input: one tensor for each call of the
 * layer. Leaves intermediate tensors for the caller's `tidy`.
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

function withoutAdapters<T>(model: AdaptableModel, compute: () => T): T {
  const enabled = hasLora(model) ? loraLayers(model).filter(({ layer }) => layer.enabled) : [];
  for (const { layer } of enabled) layer.setEnabled(false);
  try {
    return compute();
  } finally {
    for (const { layer } of enabled) layer.setEnabled(true);
  }
}

/** Runs a LayersModel while `call` of some layers is replaced by a method that notes its inputs. */
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
    const isMap = !Array.isArray(batch) && !(batch instanceof tf.Tensor);
    model.apply(isMap ? model.inputNames.map((name) => batch[name]!) : batch, { training: false });
    return new Map([...inputs].map(([layer, kept]) => [layer, kept.map((x) => x.clone())]));
  } finally {
    for (const undo of restore) undo();
    for (const kept of inputs.values()) tf.dispose(kept);
  }
}
