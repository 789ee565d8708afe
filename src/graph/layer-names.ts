import * as tf from '@tensorflow/tfjs';

export interface LayerTracker {
  /** Names of the layers being applied, innermost last. */
  readonly current: readonly string[];
  stop(): void;
}

/** Follows which layer is running, to name it in messages and programs. */
export function trackLayers(): LayerTracker {
  const current: string[] = [];
  const prototype = tf.layers.Layer.prototype;
  const apply = prototype.apply;
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
