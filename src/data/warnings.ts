import { countByLabel, type ImageDataset } from './dataset.ts';

/**
 * What is suspicious about a set, though it can be used: a line each, for people.
 *
 * @param name what the lines call the set
 */
export function datasetWarnings(dataset: ImageDataset, name: string): string[] {
  const { images, count } = dataset;
  const pixels = images.length / count;
  const lines: string[] = [];
  const absent = countByLabel(dataset).flatMap((examples, label) => (examples === 0 ? [label] : []));
  if (absent.length > 0) lines.push(`${name}: has no image of ${absent.join(', ')}`);
  const blank = rowsWhere(count, (row) => isBlank(images.subarray(row * pixels, (row + 1) * pixels)));
  if (blank.length > 0) lines.push(`${name}: ${rowList(blank)} of one shade throughout`);
  if (images.every((pixel) => pixel <= 1)) {
    lines.push(`${name}: no pixel is above 1: pixels count from 0 to 255, multiply by 255`);
  }
  return lines;
}

/** The rows of `test` whose image is also one of `train`: what a model learned by heart. */
export function sharedRows(train: ImageDataset, test: ImageDataset): number[] {
  const seen = new Set<string>();
  for (let row = 0; row < train.count; row++) seen.add(imageKey(train, row));
  return rowsWhere(test.count, (row) => seen.has(imageKey(test, row)));
}

/** `row 3`, or `12 rows (3, 7, 9, ...)`. */
export function rowList(rows: readonly number[]): string {
  if (rows.length === 1) return `row ${rows[0]} is`;
  const listed = rows.slice(0, 5).join(', ');
  return `${rows.length} rows (${listed}${rows.length > 5 ? ', ...' : ''}) are`;
}

function rowsWhere(count: number, holds: (row: number) => boolean): number[] {
  const rows: number[] = [];
  for (let row = 0; row < count; row++) if (holds(row)) rows.push(row);
  return rows;
}

function isBlank(image: Uint8Array): boolean {
  return image.every((pixel) => pixel === image[0]);
}

function imageKey({ images, height, width }: ImageDataset, row: number): string {
  const pixels = height * width;
  return Buffer.from(images.buffer, images.byteOffset + row * pixels, pixels).toString('latin1');
}
