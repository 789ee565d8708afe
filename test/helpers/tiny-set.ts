import { join } from 'node:path';
import { writeIdx } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from './temporary.ts';

/** Writes an image set of `labels.length` images, pixel p of image i being (7 i + p) mod 256. */
export async function writeSplit(
  folder: string,
  prefix: 'train' | 't10k',
  labels: readonly number[],
  { height = 3, width = 2, suffix = '' } = {},
): Promise<void> {
  const pixels = height * width;
  const values = Uint8Array.from({ length: labels.length * pixels }, (_, index) => {
    return (7 * Math.floor(index / pixels) + (index % pixels)) % 256;
  });
  await writeIdx(join(folder, `${prefix}-images-idx3-ubyte${suffix}`), {
    shape: [labels.length, height, width],
    values,
  });
  await writeIdx(join(folder, `${prefix}-labels-idx1-ubyte${suffix}`), {
    shape: [labels.length],
    values: Uint8Array.from(labels),
  });
}

/** A folder with a training set of six images and a test set of three, of the classes 0 to 2. */
export async function tinySet(options: { height?: number; width?: number; suffix?: string } = {}) {
  const folder = await temporaryFolder();
  await writeSplit(folder, 'train', [0, 1, 2, 0, 1, 2], options);
  await writeSplit(folder, 't10k', [2, 1, 0], options);
  return folder;
}
