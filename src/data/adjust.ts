import { checkArgument, checkFields } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { shorten } from '../text/index.ts';
import { alignedBytes } from './aligned-bytes.ts';
import type { ImageDataset } from './dataset.ts';

/** How images are changed after reading. */
export const IMAGE_ADJUSTMENTS = ['transpose', 'invert'] as const;

/**
 * `transpose` swaps rows and columns: EMNIST stores its images like that. `invert` replaces each pixel by 255 - pixel: MNIST's
 * drawings are light on dark, those of some other data sets dark on light.
 */
export type ImageAdjustment = (typeof IMAGE_ADJUSTMENTS)[number];

/**
 * Returns a data set with changed copies of the images; without adjustments, the data set itself.
 *
 * @throws UsageError if an argument is not what its type says
 */
export function adjustImages<T extends Pick<ImageDataset, 'images' | 'count' | 'height' | 'width'>>(
  dataset: T,
  adjustments: readonly ImageAdjustment[],
): T {
  const fields = { images: 'bytes', count: 'number', height: 'number', width: 'number' } as const;
  checkFields<Pick<ImageDataset, keyof typeof fields>>('dataset', dataset, fields);
  checkArgument('adjustments', adjustments, 'strings');
  const unknown = adjustments.find((adjustment) => !IMAGE_ADJUSTMENTS.includes(adjustment));
  if (unknown !== undefined)
    throw new UsageError(
      'invalid-argument',
      `adjustments: '${shorten(unknown, 20)}' is not known; expected ${IMAGE_ADJUSTMENTS.join(' or ')}`,
    );
  if (adjustments.length === 0) return dataset;
  const isTransposed = adjustments.includes('transpose');
  const mask = adjustments.includes('invert') ? 255 : 0;
  const { images: source, count } = dataset;
  const [height, width] = isTransposed ? [dataset.width, dataset.height] : [dataset.height, dataset.width];
  const pixels = height * width;
  const images = alignedBytes(count * pixels);
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
