import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { createDigitsNet, type Head } from '../models/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { assignStateDict, type StateDictOptions } from './state-dict.ts';

/**
 * A DigitsNet with the weights of a PyTorch one: `linear1` .. `linear3`, sizes of input and output as the file has
 * them.
 *
 * @param head what follows the logits; a state dict does not say
 * @throws CheckpointError when the tensors are not those of a DigitsNet
 */
export function digitsNetFrom(
  tensors: ReadonlyMap<string, SafeTensor>,
  head: Head,
  options: StateDictOptions,
): tf.LayersModel {
  const prefix = options.prefix ?? '';
  const first = tensors.get(`${prefix}linear1.weight`);
  const last = tensors.get(`${prefix}linear3.weight`);
  if (first?.shape.length !== 2 || last?.shape.length !== 2) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${options.source}: has no matrices ${prefix}linear1.weight and ${prefix}linear3.weight, so it is no DigitsNet; name a model to put the weights into`,
    );
  }
  const model = createDigitsNet({ head, inputSize: first.shape[1]!, classes: last.shape[0]! });
  try {
    assignStateDict(model, tensors, options);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
