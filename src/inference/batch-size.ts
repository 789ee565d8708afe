import type * as tf from '@tensorflow/tfjs';

/** With more a model gets no faster: what the largest output of a layer may take, and images. */
const MOST = {
  cpu: { outputBytes: 16e6, images: 2000 },
  gpu: { outputBytes: 256e6, images: 10_000 },
} as const;
const FLOAT_BYTES = 4;

/** How many images to give a model at once, so that it is fast and takes little memory. */
export function largestBatch(model: tf.LayersModel, processor: keyof typeof MOST = 'cpu'): number {
  const { outputBytes, images } = MOST[processor];
  return Math.min(images, Math.max(1, Math.floor(outputBytes / (FLOAT_BYTES * largestOutput(model)))));
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
