import * as tf from '@tensorflow/tfjs';

/** Batches with more images, or with more bytes in the largest output of a layer, are not faster per image. */
const LIMITS = {
  cpu: { images: 5000, outputBytes: 16e6 },
  gpu: { images: 10_000, outputBytes: 256e6 },
} as const;
const FLOAT_BYTES = 4;

/** Returns the largest useful batch size: larger batches take more memory, but are not faster. */
export function largestBatch(model: tf.LayersModel, processor: keyof typeof LIMITS = 'cpu'): number {
  const { images, outputBytes } = LIMITS[processor];
  return Math.min(images, Math.max(1, Math.floor(outputBytes / (FLOAT_BYTES * largestOutput(model)))));
}

/**
 * Returns the batch size that divides `count` images evenly into as few batches of at most `most` images as possible.
 */
export function evenBatch(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / most));
}

/** The number of values per image in the largest output of a layer, including layers of nested models. */
function largestOutput({ layers }: { readonly layers: readonly tf.layers.Layer[] }): number {
  return Math.max(
    ...layers.flatMap((layer) => {
      if ('layers' in layer) return largestOutput(layer as tf.LayersModel);
      const outputs = layer.inboundNodes.flatMap(({ outputTensors }) => outputTensors);
      return outputs.map(({ shape }) => tf.util.sizeFromShape(shape.slice(1).map((size) => size ?? 1)));
    }),
  );
}
