import { DataError } from '../errors.ts';

/** Labelled images, one byte a pixel, kept flat: what the IDX files hold, checked. */
export interface ImageDataset {
  /** Pixels 0..255, row-major [count, height, width]. */
  readonly images: Uint8Array;
  /** Class of each image, 0 .. classes - 1. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
}

/** How many images each class has, by label. */
export function countByLabel({ labels, classes }: ImageDataset): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

/** The rows whose label is one of `labels`, ascending. */
export function rowsOfLabels(dataset: ImageDataset, labels: Iterable<number>): Int32Array {
  const wanted = new Uint8Array(256);
  for (const label of labels) wanted[label] = 1;
  const rows: number[] = [];
  for (let row = 0; row < dataset.count; row++) if (wanted[dataset.labels[row]!]) rows.push(row);
  return Int32Array.from(rows);
}

/**
 * A data set of its own with copies of the given rows, in their order.
 *
 * @throws DataError for a row that the data does not have
 */
export function selectRows(dataset: ImageDataset, rows: ArrayLike<number>): ImageDataset {
  const pixels = dataset.height * dataset.width;
  const images = new Uint8Array(rows.length * pixels);
  const labels = new Uint8Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    if (!(Number.isInteger(row) && row >= 0 && row < dataset.count))
      throw new DataError('invalid-data', `row ${row} is outside the data, which has ${dataset.count} rows`);
    images.set(dataset.images.subarray(row * pixels, (row + 1) * pixels), index * pixels);
    labels[index] = dataset.labels[row]!;
  }
  return { ...dataset, images, labels, count: rows.length };
}
