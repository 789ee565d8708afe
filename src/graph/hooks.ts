/**
 * Step 1 of 4, record: what is replaced in tfjs and tfjs-node while a function is recorded, so that a `Tape`
 * sees each op and the layer that runs it.
 */
import * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../tensorflow/index.ts';
import type { Tape } from './tape.ts';

/** Puts the tape between tfjs-node and its addon. Returns a function that removes it. */
export function attachTape(backend: NativeBackend, tape: Tape): () => void {
  const { binding, getInputTensorIds } = backend;
  backend.binding = tape.binding;
  backend.getInputTensorIds = (tensors) => {
    const ids = getInputTensorIds.call(backend, tensors);
    tape.noteInputs(tensors, ids);
    return ids;
  };
  return () => {
    backend.binding = binding;
    backend.getInputTensorIds = getInputTensorIds;
  };
}

export interface LayerTracker {
  /** Names of the layers that are being applied, innermost last. Kept up to date. */
  readonly current: readonly string[];
  stop(): void;
}

/** Follows which layer of tfjs is being applied. */
export function trackLayers(): LayerTracker {
  const current: string[] = [];
  const prototype = tf.layers.Layer.prototype;
  const { apply } = prototype;
  prototype.apply = function (this: tf.layers.Layer, ...parameters) {
    current.push(this.name);
    try {
      return apply.apply(this, parameters);
    } finally {
      current.pop();
    }
  };
  return {
    current,
    stop: () => {
      prototype.apply = apply;
    },
  };
}
