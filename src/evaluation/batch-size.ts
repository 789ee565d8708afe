import type * as tf from '@tensorflow/tfjs';

/** What the largest output of a layer may take: with more, models get no faster. */
const OUTPUT_BYTES = 16e6;
const FLOAT_BYTES = 4;
const MOST_IMAGES = 2000;

/** How many images to give a model at once, so that it is fast and takes little memory. */
export function largestBatch(model: tf.LayersModel): number {
  const images = Math.floor(OUTPUT_BYTES / (FLOAT_BYTES * largestOutput(model)));
  return Math.min(MOST_IMAGES, Math.max(1, images));
}

/** The size of the fewest batches that hold `count` images, `most` at a time: as even as can be. */
export function evenBatch(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / most));
}

/** Values for each image in the output of the layer that has most, inside nested models as well. */
function largestOutput({ layers }: { readonly layers: readonly tf.layers.Layer[] }): number {
  return Math.max(
    ...layers.flatMap((layer) => {
      if ('layers' in layer) return largestOutput(layer as tf.LayersModel);
      const outputs = layer.inboundNodes.flatMap(({ outputTensors }) => outputTensors);
      return outputs.map(({ shape }) => shape.slice(1).reduce<number>((size, side) => size * (side ?? 1), 1));
    }),
  );
}
