import type * as tf from '@tensorflow/tfjs';

/** The functions of a loss that the caller of `trainingTask` wrote. */
export interface CustomParts {
  /** Shape and dtype of the predictions, once the loss has run. */
  predictions(): { readonly shape: readonly number[]; readonly dtype: 'float32' | 'int32' | 'bool' };
  /** Runs the functions without the model, and returns all tensors that they return. */
  run(inputs: tf.Tensor[], labels: tf.Tensor, predictions: tf.Tensor): tf.Tensor[];
}

/** By loss, so that a task with another loss has none. */
const partsByLoss = new WeakMap<object, CustomParts | 'none'>();

/** Declares which parts of a loss the caller wrote: they may use values of JavaScript that change. */
export function declareCustomParts(loss: object, parts: CustomParts | 'none'): void {
  partsByLoss.set(loss, parts);
}

/** Returns the parts of a loss that the caller wrote; undefined if that may be all of it. */
export function customParts(loss: object): CustomParts | 'none' | undefined {
  return partsByLoss.get(loss);
}
