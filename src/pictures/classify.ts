import type { InputImage } from './read-images.ts';

/** Returns the class probabilities [count, classes] float32 of `count` images, pixels 0..255 [count, height, width]. */
export type Classify = (images: Uint8Array, count: number) => Promise<Float32Array>;

/** What a model predicts for one image. */
export interface Prediction {
  readonly file: string;
  /** Row in an IDX file; absent for a picture. */
  readonly row?: number;
  /** The class with the largest probability. */
  readonly label: number;
  /** Probability of each class, 0..1 [classes]. */
  readonly probabilities: readonly number[];
}

const BATCH_SIZE = 1000;

/** Classifies images in batches; predictions are in the order of the images. */
export async function classifyImages(
  images: readonly InputImage[],
  classify: Classify,
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  for (let start = 0; start < images.length; start += BATCH_SIZE) {
    const batch = images.slice(start, start + BATCH_SIZE);
    const pixels = batch[0]!.pixels.length;
    const values = new Uint8Array(batch.length * pixels);
    for (const [index, image] of batch.entries()) values.set(image.pixels, index * pixels);
    const output = await classify(values, batch.length);
    const classes = output.length / batch.length;
    for (const [index, { file, row }] of batch.entries()) {
      const probabilities = [...output.subarray(index * classes, (index + 1) * classes)];
      const label = probabilities.indexOf(Math.max(...probabilities));
      predictions.push({ file, row, label, probabilities });
    }
  }
  return predictions;
}
