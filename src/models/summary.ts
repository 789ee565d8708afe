import type * as tf from '@tensorflow/tfjs';
import { requireLayersModel } from '../layers-model.ts';

/** One layer of a model. */
export interface LayerSummary {
  readonly name: string;
  /** The layer's class, such as `Dense`. */
  readonly type: string;
  /** Shape of the first output, without the batch dimension. */
  readonly outputShape: readonly (number | null)[];
  readonly parameters: number;
  readonly trainableParameters: number;
}

/** Parameter counts of a model. */
export interface ModelSummary {
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly trainableParameters: number;
}

/**
 * Counts the parameters of a model, in total and by layer.
 *
 * @example
 * const { parameters, trainableParameters } = modelSummary(model);
 */
export function modelSummary(model: tf.LayersModel): ModelSummary {
  requireLayersModel(model);
  const layers = model.layers.map((layer) => ({
    name: layer.name,
    type: layer.getClassName(),
    outputShape: firstShape(layer.outputShape).slice(1),
    parameters: countParameters(layer.weights),
    trainableParameters: countParameters(layer.trainableWeights),
  }));
  return {
    layers,
    parameters: countParameters(model.weights),
    trainableParameters: countParameters(model.trainableWeights),
  };
}

/** Returns the number of values in all weights. */
export function countParameters(weights: readonly { readonly shape: tf.Shape }[]): number {
  return weights.reduce(
    (sum, { shape }) => sum + shape.reduce<number>((size, side) => size * (side ?? 1), 1),
    0,
  );
}

function firstShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tf.Shape;
}
