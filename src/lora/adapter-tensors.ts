import * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import { variableOf } from '../models/index.ts';
import { adapterWeights } from './layers/adapter.ts';
import { type LoraLayer, requireLoraLayer } from './layers/lora-layer.ts';

/** Shape and values of one tensor of an adapter, row-major, in tfjs' layout. */
export interface AdapterTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Copies the tensors of an adapter on a layer, by name:
 *
 * - `lora_A`, `lora_B`: [in, r] and [r, out] for a dense layer, other shapes in `layers/kinds.ts`
 * - `lora_magnitude`: DoRA only, [out]; [in, multiplier] for a depthwise convolution
 * - `initial_A`, `initial_B`: PiSSA, OLoRA and LoRA-GA only, whose update is A·B minus initial A·B
 * - trained copies of the base's weights, by their names in the base, such as `bias`
 *
 * In a layer with several kernels, and for a weight in `LoraConfig.targetWeights` that is not the layer's kernel, the weight's
 * name precedes that of the tensor: `recurrent_kernel/lora_A`.
 *
 * @returns an empty map if the layer does not have this adapter
 */
export function readAdapter(layer: LoraLayer, adapter: string): Map<string, AdapterTensor> {
  requireLoraLayer(layer);
  const layerAdapter = layer.adapters.get(adapter);
  if (!layerAdapter) return new Map();
  return new Map(
    [...adapterWeights(layerAdapter)].map(([name, weight]) => {
      const { shape } = weight;
      return [name, { shape: shape as number[], values: variableOf(weight).dataSync<'float32'>().slice() }];
    }),
  );
}

/**
 * Replaces the tensors of an adapter on a layer. The tensors must have exactly the names and shapes that `readAdapter`
 * returns; otherwise nothing is written.
 *
 * @param path the layer's path, for errors; by default its name
 * @throws CheckpointError if a tensor is missing, unknown, of another shape or not finite
 */
export function writeAdapter(
  layer: LoraLayer,
  adapter: string,
  tensors: ReadonlyMap<string, AdapterTensor>,
  path?: string,
): void {
  requireLoraLayer(layer);
  if (!(tensors instanceof Map))
    throw new UsageError('invalid-argument', 'tensors: must be a Map, as readAdapter returns it');
  const place = `adapter '${adapter}' of layer '${path ?? layer.name}'`;
  const layerAdapter = layer.adapters.get(adapter);
  if (!layerAdapter) throw new CheckpointError('invalid-checkpoint', `${place}: not found`);
  const weights = adapterWeights(layerAdapter);
  const unknown = [...tensors.keys()].find((name) => !weights.has(name));
  if (unknown !== undefined)
    throw new CheckpointError(
      'invalid-checkpoint',
      `${place}: has no tensor ${unknown}; it has ${[...weights.keys()].join(', ')}`,
    );
  const assignments = [...weights].map(([name, weight]) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new CheckpointError('invalid-checkpoint', `${place}: tensor ${name} is missing`);
    if (tensor.shape.join() !== weight.shape.join())
      throw new CheckpointError(
        'invalid-checkpoint',
        `${place}: ${name} must have shape [${weight.shape}] ([${tensor.shape}])`,
      );
    if (!tensor.values.every(Number.isFinite))
      throw new CheckpointError('invalid-checkpoint', `${place}: ${name} contains NaN or Inf`);
    return { variable: variableOf(weight), tensor };
  });
  for (const { variable, tensor } of assignments)
    tf.tidy(() => variable.assign(tf.tensor(tensor.values, [...tensor.shape])));
}
