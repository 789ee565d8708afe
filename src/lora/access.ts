import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { variableOf } from '../models/index.ts';
import { adapterWeights } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';

/** Values and shape of one tensor, row-major, in tfjs' layout. */
export interface AdapterTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Copies an adapter's tensors out of a layer: `lora_A`, `lora_B`, `lora_magnitude`, `initial_A` and `initial_B`
 * (PiSSA, OLoRA: the update is A·B minus initial A·B), and the trained copies under their names in the base
 * layer, such as `bias`. Only those that the adapter has.
 *
 * Shapes by `layer.kind.name`: `dense` A [in, rank], B [rank, out]; `conv2d` A [height, width, in, rank],
 * B [1, 1, rank, out]; magnitude [out].
 */
export function readAdapter(layer: LoraLayer, adapter: string): Map<string, AdapterTensor> {
  const found = layer.adapters.get(adapter);
  if (!found) return new Map();
  return new Map(
    [...adapterWeights(found)].map(([name, weight]) => {
      const { shape } = weight;
      return [name, { shape: shape as number[], values: variableOf(weight).dataSync<'float32'>().slice() }];
    }),
  );
}

/**
 * Puts tensors into an adapter of a layer; it has to have exactly these, of these shapes. Nothing is written
 * unless all fit.
 *
 * @throws CheckpointError naming the tensor that is missing, left over, of another shape or not finite
 */
export function writeAdapter(
  path: string,
  layer: LoraLayer,
  adapter: string,
  tensors: ReadonlyMap<string, AdapterTensor>,
): void {
  const place = `adapter '${adapter}' of layer '${path}'`;
  const found = layer.adapters.get(adapter);
  if (!found) throw new CheckpointError('invalid-checkpoint', `there is no ${place}`);
  const weights = adapterWeights(found);
  for (const name of tensors.keys())
    if (!weights.has(name))
      throw new CheckpointError(
        'invalid-checkpoint',
        `${place} has no ${name}; it has ${[...weights.keys()].join(', ')}`,
      );
  for (const [name, { shape }] of weights) {
    const tensor = tensors.get(name);
    if (!tensor) throw new CheckpointError('invalid-checkpoint', `${place} is given no ${name}`);
    if (tensor.shape.join() !== shape.join())
      throw new CheckpointError(
        'invalid-checkpoint',
        `${name} of ${place} is [${shape}], and was given as [${tensor.shape}]`,
      );
    if (!tensor.values.every(Number.isFinite))
      throw new CheckpointError(
        'invalid-checkpoint',
        `${name} of ${place} was given values that are not finite`,
      );
  }
  for (const [name, weight] of weights) {
    const { shape, values } = tensors.get(name)!;
    tf.tidy(() => variableOf(weight).assign(tf.tensor(values, [...shape])));
  }
}
