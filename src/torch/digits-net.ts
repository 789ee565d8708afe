import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { createDigitsNet, type Head } from '../models/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { listNames, printable } from '../text/index.ts';
import { checkNotAdapter, checkPrefix } from './prefix.ts';
import { assignStateDict, type StateDictOptions } from './state-dict.ts';

/**
 * Creates a DigitsNet with the weights of a PyTorch one, `linear1` to `linear3`. The numbers of inputs and classes
 * are taken from the shapes of `linear1.weight` [256, inputs] and `linear3.weight` [classes, 128].
 *
 * @param tensors the state dict: weights [out, in] and biases [out]; F32, F64, F16 or BF16
 * @param head the activation of the output, which a state dict does not contain
 * @returns a model from [batch, inputs] to logits [batch, classes], float32
 * @throws CheckpointError if the tensors are not those of a DigitsNet (for other models use `assignStateDict`), or
 *   contain NaN or Inf
 * @example
 * const { tensors } = await readSafetensors('digits.safetensors');
 * const model = digitsNetFrom(tensors, 'linear', { source: 'digits.safetensors' });
 */
export function digitsNetFrom(
  tensors: ReadonlyMap<string, SafeTensor>,
  head: Head,
  options: StateDictOptions,
): tf.LayersModel {
  const { source, prefix = '' } = options;
  const first = tensors.get(`${prefix}linear1.weight`);
  const last = tensors.get(`${prefix}linear3.weight`);
  if (first?.shape.length !== 2 || last?.shape.length !== 2) {
    checkPrefix(source, ['linear1.weight', 'linear3.weight'], tensors.keys(), prefix);
    checkNotAdapter(source, tensors.keys());
    throw new CheckpointError(
      'unknown-architecture',
      `${source}: unknown architecture, not a DigitsNet (no matrices ${printable(prefix)}linear1.weight and ${printable(prefix)}linear3.weight; it has ${listNames([...tensors.keys()], 4)})`,
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
