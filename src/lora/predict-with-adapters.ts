import * as tf from '@tensorflow/tfjs';
import { checkArgument } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { activeAdapters, BASE, requireAdapter, setActiveAdapters } from './adapters.ts';
import { checkModelInputs, inputList, type ModelInputs } from './model-inputs.ts';

/** What `predict` returns. */
type ModelOutputs = tf.Tensor | tf.Tensor[] | tf.NamedTensorMap;

/**
 * Predicts a batch whose examples use different adapters, as PEFT with `adapter_names`. The model runs once for each adapter
 * in the batch, on all of the adapter's examples, so everything that an adapter can change is supported. Which adapters are
 * active does not matter and does not change. While adapters are disabled, all examples use the base.
 *
 * @param inputs as `predict` takes them; the first axis of each tensor is the batch
 * @param adapters for each example the name of its adapter, or '__base__' for none
 * @returns what `predict` returns, in the order of the examples
 * @throws UsageError if an adapter does not exist, or the number of names is not that of the examples
 *
 * @example
 * const logits = predictWithAdapters(model, images, ['north', 'south', 'north', '__base__']);
 */
export function predictWithAdapters(
  model: AdaptableModel,
  inputs: ModelInputs,
  adapters: readonly string[],
): ModelOutputs {
  const before = activeAdapters(model);
  checkModelInputs('inputs', model, inputs);
  checkNames(inputs, adapters);
  const groups = rowsByAdapter(adapters);
  if (groups.size > 1) requireStateless(model);
  for (const name of groups.keys()) if (name !== BASE) requireAdapter(model, name);
  try {
    return tf.tidy(() => {
      const parts = [...groups].map(([name, rows]) => {
        setActiveAdapters(model, name === BASE ? [] : [name]);
        const part = groups.size === 1 ? inputs : mapTensors(inputs, (x) => tf.gather(x, rows));
        return predict(model, part, rows.length);
      });
      return inOrder(parts, [...groups.values()].flat());
    });
  } finally {
    setActiveAdapters(model, before);
  }
}

/** @throws UsageError if there is not one name for each example */
function checkNames(inputs: ModelInputs, adapters: readonly string[]): void {
  checkArgument('adapters', adapters, 'strings');
  const { length } = adapters;
  mapTensors(inputs, (tensor, key) => {
    if (length > 0 && tensor.shape[0] === length) return tensor;
    throw new UsageError(
      'invalid-argument',
      `adapters: must have one name for each example (${length} names; input ${key} has shape [${tensor.shape}])`,
    );
  });
}

/** @throws UsageError if a layer keeps a state for each place in the batch, so that examples cannot change their places */
function requireStateless(model: AdaptableModel): void {
  const layer = isLayeredGraphModel(model) ? undefined : model.layers.find(({ stateful }) => stateful);
  if (layer)
    throw new UsageError(
      'invalid-argument',
      `layer '${layer.name}': is stateful; use the same adapter for all examples`,
    );
}

/** Returns the rows of the batch for each adapter. */
function rowsByAdapter(adapters: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [row, name] of adapters.entries()) {
    const rows = groups.get(name);
    if (rows) rows.push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

function predict(model: AdaptableModel, inputs: ModelInputs, batchSize: number): ModelOutputs {
  if (isLayeredGraphModel(model)) return model.predict(inputs, {});
  return model.predict(inputList(model, inputs), { batchSize });
}

/**
 * Joins the outputs of parts of a batch, and returns them in the order of the batch.
 *
 * @param rows of the batch, in the order of the joined parts
 * @throws UsageError if an output does not have one row for each example
 */
function inOrder(parts: readonly ModelOutputs[], rows: readonly number[]): ModelOutputs {
  const [first, ...others] = parts as [ModelOutputs, ...ModelOutputs[]];
  if (others.length === 0) return first;
  const positions = new Array<number>(rows.length);
  rows.forEach((row, position) => {
    positions[row] = position;
  });
  return mapTensors(first, (tensor, key) => {
    const joined = tf.concat([tensor, ...others.map((part) => tensorAt(part, key))]);
    if (joined.shape[0] !== rows.length)
      throw new UsageError(
        'invalid-argument',
        `model: output ${key} does not have one row for each example (${joined.shape[0]} rows, ${rows.length} examples)`,
      );
    return tf.gather(joined, positions);
  });
}

/** Applies a function to each tensor. `key` is the tensor's position in a list, or its name. */
function mapTensors<T extends ModelInputs | ModelOutputs>(
  tensors: T,
  apply: (tensor: tf.Tensor, key: string) => tf.Tensor,
): T {
  if (tensors instanceof tf.Tensor) return apply(tensors, '0') as T;
  if (Array.isArray(tensors)) return tensors.map((tensor, index) => apply(tensor, String(index))) as T;
  const named = Object.entries(tensors as tf.NamedTensorMap);
  return Object.fromEntries(named.map(([name, tensor]) => [name, apply(tensor, name)])) as T;
}

/** Returns the tensor with a key of `mapTensors`. */
function tensorAt(tensors: ModelOutputs, key: string): tf.Tensor {
  return tensors instanceof tf.Tensor ? tensors : (tensors as tf.NamedTensorMap)[key]!;
}
