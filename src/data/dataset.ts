import { createHash } from 'node:crypto';
import { checkArgument, checkFields } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { alignedBytes } from './aligned-bytes.ts';

/** Labelled grey images in flat arrays, one byte per pixel. */
export interface ImageDataset {
  /** Pixels 0..255, row-major [count, height, width]. */
  readonly images: Uint8Array;
  /** Class of each image, 0 .. classes - 1 [count]. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
}

/**
 * Checks a data set that a caller gives.
 *
 * @param name of the argument, for the message
 * @throws UsageError naming the first part that is not as `ImageDataset` describes it
 */
export function requireDataset(name: string, dataset: ImageDataset): void {
  checkFields(name, dataset, {
    images: 'bytes',
    labels: 'numbers',
    count: 'number',
    height: 'number',
    width: 'number',
    classes: 'number',
  });
}

/**
 * Returns the number of images of each class, indexed by label [classes].
 *
 * @throws UsageError if the data set is not what its type says
 */
export function countByLabel(dataset: ImageDataset): readonly number[] {
  requireDataset('dataset', dataset);
  const { labels, classes } = dataset;
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

/**
 * Returns the rows whose label is one of `labels`, in ascending order.
 *
 * @throws UsageError if an argument is not what its type says
 */
export function rowsOfLabels(dataset: ImageDataset, labels: Iterable<number>): Int32Array {
  requireDataset('dataset', dataset);
  if (!(labels instanceof Set)) checkArgument('labels', labels, 'numbers');
  const isSelected = new Uint8Array(256);
  for (const label of labels) isSelected[label] = 1;
  const rows: number[] = [];
  for (let row = 0; row < dataset.count; row++) if (isSelected[dataset.labels[row]!]) rows.push(row);
  return Int32Array.from(rows);
}

/**
 * Returns a data set with copies of the given rows, in the given order.
 *
 * @throws UsageError if an argument is not what its type says
 * @throws DataError if a row is outside the data
 */
export function selectRows(dataset: ImageDataset, rows: ArrayLike<number>): ImageDataset {
  requireDataset('dataset', dataset);
  checkArgument('rows', rows, 'numbers');
  const pixels = dataset.height * dataset.width;
  const images = alignedBytes(rows.length * pixels);
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

/**
 * Hashes a data set with SHA-256: the number and size of its images, their pixels and their labels, in order. Takes about
 * 10 ms for the 10,000 test images of MNIST.
 *
 * @returns 64 hexadecimal digits
 * @throws UsageError if the data set is not what its type says
 */
export function dataHash(dataset: ImageDataset): string {
  requireDataset('dataset', dataset);
  const { images, labels, count, height, width } = dataset;
  checkArgument('dataset.labels', labels, 'bytes');
  return createHash('sha256')
    .update(`${count} ${height} ${width}\n`)
    .update(images)
    .update(labels)
    .digest('hex');
}
