import type { ImageDataset } from './dataset.ts';

/** How images are changed after reading. */
export const IMAGE_ADJUSTMENTS = ['transpose', 'invert'] as const;

/**
 * `transpose` swaps rows and columns: EMNIST stores its images like that. `invert` replaces each pixel by 255 - pixel: MNIST's
 * drawings are light on dark, those of some other data sets dark on light.
 */
export type ImageAdjustment = (typeof IMAGE_ADJUSTMENTS)[number];

/** Returns a data set with changed copies of the images; without adjustments, the data set itself. */
export function adjustImages<T extends Pick<ImageDataset, 'images' | 'count' | 'height' | 'width'>>(
  dataset: T,
  adjustments: readonly ImageAdjustment[],
): T {
  if (adjustments.length === 0) return dataset;
  const isTransposed = adjustments.includes('transpose');
  const mask = adjustments.includes('invert') ? 255 : 0;
  const { images: source, count } = dataset;
  const [height, width] = isTransposed ? [dataset.width, dataset.height] : [dataset.height, dataset.width];
  const pixels = height * width;
  const images = new Uint8Array(count * pixels);
  for (let start = 0; start < images.length; start += pixels) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const from = isTransposed ? column * height + row : row * width + column;
        images[start + row * width + column] = source[start + from]! ^ mask;
      }
    }
  }
  return { ...dataset, images, height, width };
}
