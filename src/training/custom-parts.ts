/**
 * Which functions of the caller a loss contains: a custom loss function, or one that prepares the inputs.
 *
 * The compiled engines record a step once, and values of JavaScript that these functions use (a number, say) become
 * constants of the recorded graph. So before each call they run these functions again, without the model, and record
 * the step again if a value has changed; see compiled/watch-task.ts. Built-in functions use no such values.
 */
import type * as tf from '@tensorflow/tfjs';

/** The functions in the loss of a task that the caller of `trainingTask` wrote. */
export interface CustomParts {
  /** Shape and dtype of the model's output for a batch. Known once the loss has run. */
  predictions(): { readonly shape: readonly number[]; readonly dtype: 'float32' | 'int32' | 'bool' };
  /**
   * Runs these functions without the model, and returns their results.
   *
   * @param inputs [batch, ...featureShape] each, before `prepare`
   * @param labels [batch, ...featureShape]
   * @param predictions as `predictions` describes them
   */
  run(inputs: tf.Tensor[], labels: tf.Tensor, predictions: tf.Tensor): tf.Tensor[];
}

/** The key is the loss and not the task, so that `{ ...task, loss: other }` does not get the parts of the old loss. */
const partsByLoss = new WeakMap<object, CustomParts | 'none'>();

/** Records the custom parts of a loss; 'none' if it is built in. */
export function declareCustomParts(loss: object, parts: CustomParts | 'none'): void {
  partsByLoss.set(loss, parts);
}

/** Returns the custom parts of a loss. Undefined if `trainingTask` did not make it: then all of it may be custom. */
export function customParts(loss: object): CustomParts | 'none' | undefined {
  return partsByLoss.get(loss);
}
