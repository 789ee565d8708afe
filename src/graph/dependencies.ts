import * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../tensorflow/index.ts';

/** What a recording depends on, apart from the values of its inputs and variables. */
export interface Dependencies {
  /** `dataId`s of captured tensors: made outside the function, and now constants of the program. */
  readonly captured: readonly object[];
  readonly variables: readonly tf.Variable[];
  readonly layers: readonly tf.layers.Layer[];
  readonly optimizers: readonly tf.Optimizer[];
  /** Whether gradients were computed: then it matters which variables are trainable. */
  readonly usesGradients: boolean;
}

/**
 * Returns a function that returns whether a recording is out of date: a captured tensor or a variable has been disposed, a
 * layer has got other weights, an optimizer of tfjs other settings, or other variables are trainable. It takes a few
 * microseconds, because it runs before each call of a compiled function.
 */
export function watchDependencies(backend: NativeBackend, dependencies: Dependencies): () => boolean {
  const { captured, variables } = dependencies;
  const recorded = settingsOf(dependencies);
  return () => {
    if (captured.some((dataId) => !backend.tensorMap.has(dataId))) return true;
    if (variables.some(({ isDisposed }) => isDisposed)) return true;
    const current = settingsOf(dependencies);
    return current.length !== recorded.length || current.some((value, index) => value !== recorded[index]);
  };
}

function settingsOf({ variables, layers, optimizers, usesGradients }: Dependencies): unknown[] {
  const settings: unknown[] = [];
  if (usesGradients) for (const { trainable } of variables) settings.push(trainable);
  for (const layer of layers) {
    // Models contain layers that are listed themselves. Ids are sorted, because `trainable` changes the order of weights.
    if (layer instanceof tf.LayersModel) continue;
    settings.push(...layer.weights.map(({ id }) => id).sort((a, b) => a - b));
  }
  for (const optimizer of optimizers) settings.push(...Object.values(optimizer.getConfig()));
  return settings;
}
