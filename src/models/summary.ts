import type * as tf from '@tensorflow/tfjs';

/** One layer of a model. */
export interface LayerSummary {
  readonly name: string;
  /** The class of the layer, such as `Dense`. */
  readonly type: string;
  /** Without the batch dimension; of the first output where a layer has several. */
  readonly outputShape: readonly (number | null)[];
  readonly parameters: number;
  readonly trainableParameters: number;
}

/** How many values a model holds and trains, by layer and in all. */
export interface ModelSummary {
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly trainableParameters: number;
}

/** Layers of a model with the number of values they hold and train. */
export function modelSummary(model: tf.LayersModel): ModelSummary {
  const layers = model.layers.map((layer) => ({
    name: layer.name,
    type: layer.getClassName(),
    outputShape: firstShape(layer.outputShape).slice(1),
    parameters: countValues(layer.weights),
    trainableParameters: countValues(layer.trainableWeights),
  }));
  return {
    layers,
    parameters: countValues(model.weights),
    trainableParameters: countValues(model.trainableWeights),
  };
}

function firstShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tf.Shape;
}

function countValues(weights: readonly { readonly shape: tf.Shape }[]): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce<number>((size, n) => size * (n ?? 1), 1), 0);
}
