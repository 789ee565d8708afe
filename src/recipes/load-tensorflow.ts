import { fallbackNotice, type LoadedTensorFlow, loadTensorFlow } from '../tensorflow/index.ts';
import type { RecipeOptions } from './options.ts';

/**
 * Loads TensorFlow for a recipe. A fallback to a slower device is sent as a notice, unless `tensorflow.onFallback` is set.
 *
 * @param examples training examples times epochs
 */
export async function loadRecipeTensorFlow(
  { tensorflow, onNotice }: RecipeOptions,
  examples?: number,
): Promise<LoadedTensorFlow> {
  return await loadTensorFlow({
    onNotice: (line) => onNotice?.(`warning: ${line}`),
    onFallback: ({ device, error }) => onNotice?.(fallbackNotice(device, error.message)),
    ...tensorflow,
    examples,
  });
}
