import * as tf from '@tensorflow/tfjs';
import { wrongArgument } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { listNames } from '../quote.ts';
import { hasLora, loraLayers } from './lora-layers.ts';

/** A batch of a model's inputs, as `predict` takes it. */
export type ModelInputs = tf.Tensor | tf.Tensor[] | tf.NamedTensorMap;

/**
 * @param name for the message, such as `inputs`
 * @throws UsageError if a value is not a tensor, a list or an object of tensors, one for each input of the model, or if a
 *   tensor does not have the shape of a LayersModel's input
 */
export function checkModelInputs(name: string, model: AdaptableModel, inputs: unknown): void {
  const isTensor = inputs instanceof tf.Tensor;
  const values: unknown[] = isTensor ? [inputs] : Object.values(Object(inputs));
  const names = Array.isArray(inputs) || isTensor ? [] : Object.keys(Object(inputs));
  const isGraph = isLayeredGraphModel(model);
  const isComplete = isGraph
    ? values.length > 0
    : values.length === model.inputs.length && names.every((input) => inputNames(model).includes(input));
  if (!isComplete || !values.every((value) => value instanceof tf.Tensor)) {
    const expected = isGraph
      ? 'a tensor, or tensors by the names of inputs'
      : `a tensor for each of the inputs ${listNames(inputNames(model))}`;
    throw wrongArgument(name, expected, inputs);
  }
  if (!isGraph) checkShapes(name, model, inputList(model, inputs as ModelInputs));
}

/** @throws UsageError if a tensor does not have the shape of its input; null is any size */
function checkShapes(name: string, model: tf.LayersModel, tensors: readonly tf.Tensor[]): void {
  for (const [index, { shape, sourceLayer }] of model.inputs.entries()) {
    const given = tensors[index]!.shape;
    if (given.length === shape.length && given.every((size, axis) => size === (shape[axis] ?? size)))
      continue;
    const expected = shape.map((size, axis) => size ?? (axis === 0 ? 'batch' : 'any'));
    throw new UsageError(
      'invalid-argument',
      `${name}: input ${sourceLayer.name} must have shape [${expected}] ([${given}])`,
    );
  }
}

/** The names of the inputs of a LayersModel. tfjs sets `inputNames` of a Sequential only when it is first used. */
function inputNames(model: tf.LayersModel): string[] {
  return model.inputs.map(({ sourceLayer }) => sourceLayer.name);
}

/** The tensors in the order of the model's inputs. */
export function inputList(model: tf.LayersModel, inputs: ModelInputs): tf.Tensor[] {
  if (inputs instanceof tf.Tensor) return [inputs];
  return Array.isArray(inputs) ? inputs : inputNames(model).map((name) => inputs[name]!);
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
    model.apply(inputList(model, batch), { training: false });
    return new Map([...inputs].map(([layer, kept]) => [layer, kept.map((x) => x.clone())]));
  } finally {
    for (const undo of restore) undo();
    for (const kept of inputs.values()) tf.dispose(kept);
  }
}
