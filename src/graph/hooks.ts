/**
 * Step 1 of 4, record: what is replaced in tfjs and tfjs-node while a function is recorded, so that a `Tape`
 * sees each op and the layer that runs it.
 */
import * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../tensorflow/index.ts';
import { RecordingError } from './recording-error.ts';
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
  /** All layers that have been applied. Kept up to date. */
  readonly applied: ReadonlySet<tf.layers.Layer>;
  stop(): void;
}

/** Follows which layer of tfjs is being applied. A layer that is stateful throws a RecordingError. */
export function trackLayers(): LayerTracker {
  const current: string[] = [];
  const applied = new Set<tf.layers.Layer>();
  const prototype = tf.layers.Layer.prototype;
  const { apply } = prototype;
  prototype.apply = function (this: tf.layers.Layer, ...parameters) {
    if (this.stateful) {
      throw new RecordingError(
        `layer '${this.name}': is stateful, and keeps its state in JavaScript, where a program cannot change it; run it eagerly`,
      );
    }
    current.push(this.name);
    applied.add(this);
    try {
      return apply.apply(this, parameters);
    } finally {
      current.pop();
    }
  };
  return {
    current,
    applied,
    stop: () => {
      prototype.apply = apply;
    },
  };
}

/** Members of tfjs' optimizers that their type does not declare. */
interface OptimizerState {
  iterations_?: number;
  incrementIterations(): void;
}

export interface OptimizerTracker {
  /** How many steps each optimizer of tfjs has made. Kept up to date. */
  readonly steps: ReadonlyMap<tf.Optimizer, number>;
  /** Resets the counter of each optimizer. */
  stop(): void;
}

/** Follows the steps that optimizers of tfjs make: they count them in JavaScript. */
export function trackOptimizers(): OptimizerTracker {
  const steps = new Map<tf.Optimizer, number>();
  const prototype = tf.Optimizer.prototype as unknown as OptimizerState;
  const { incrementIterations } = prototype;
  prototype.incrementIterations = function (this: OptimizerState) {
    const optimizer = this as unknown as tf.Optimizer;
    steps.set(optimizer, (steps.get(optimizer) ?? 0) + 1);
    incrementIterations.call(this);
  };
  return {
    steps,
    stop: () => {
      prototype.incrementIterations = incrementIterations;
      for (const [optimizer, count] of steps) countIterations(optimizer, -count);
    },
  };
}

/** Adds to the number of steps that an optimizer of tfjs has counted. */
export function countIterations(optimizer: tf.Optimizer, count: number): void {
  (optimizer as unknown as OptimizerState).iterations_ = optimizer.iterations + count;
}

export interface GradientTracker {
  /** Whether a gradient has been computed. Kept up to date. */
  readonly used: boolean;
  stop(): void;
}

/** Follows whether gradients are computed, for which tfjs selects variables by `trainable`. */
export function trackGradients(): GradientTracker {
  const engine = tf.engine();
  const { gradients } = engine;
  let used = false;
  engine.gradients = ((...parameters: Parameters<typeof gradients>) => {
    used = true;
    return gradients.apply(engine, parameters);
  }) as typeof gradients;
  return {
    get used() {
      return used;
    },
    stop: () => {
      delete (engine as Partial<typeof engine>).gradients;
    },
  };
}

/**
 * Makes the disposal of tensors and variables that exist already throw a RecordingError, before anything is freed: a
 * program cannot free them in each run, and recording could not bring them back. Returns a function that stops it.
 *
 * A layer that is being applied may dispose of tensors: recurrent layers of tfjs free the dropout mask of their last call.
 *
 * @param layers names of the layers that are being applied, kept up to date
 */
export function rejectDisposal(layers: readonly string[]): () => void {
  const marker = tf.scalar(0); // ids of tensors increase
  marker.dispose();
  const restore = [tf.Tensor.prototype, tf.Variable.prototype].map((prototype) => {
    const { dispose } = prototype;
    prototype.dispose = function (this: tf.Tensor) {
      if (this.id < marker.id && !this.isDisposed && layers.length === 0) {
        throw new RecordingError(
          `the function: disposes a ${this instanceof tf.Variable ? `variable ('${this.name}')` : 'tensor'} that was created outside, which a program cannot do; dispose it outside the function, or run it eagerly`,
        );
      }
      dispose.call(this);
    };
    return () => {
      prototype.dispose = dispose;
    };
  });
  return () => {
    for (const undo of restore) undo();
  };
}
