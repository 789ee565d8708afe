import { countByLabel, type ImageDataset } from './dataset.ts';

/**
 * Lists what looks wrong with a data set that can be used nevertheless, one line per finding: classes without images,
 * blank images, pixels scaled to 0..1.
 *
 * @param name of the data set, for the lines
 */
export function datasetWarnings(dataset: ImageDataset, name: string): string[] {
  const { images, count } = dataset;
  const pixels = images.length / count;
  const warnings: string[] = [];
  const missing = countByLabel(dataset).flatMap((examples, label) => (examples === 0 ? [label] : []));
  if (missing.length > 0) warnings.push(`${name}: no images of label ${missing.join(', ')}`);
  const blank = rowsWhere(count, (row) => isBlank(images.subarray(row * pixels, (row + 1) * pixels)));
  if (blank.length > 0) warnings.push(`${name}: ${rowsAre(blank)} blank (all pixels are equal)`);
  if (images.every((pixel) => pixel <= 1)) {
    warnings.push(`${name}: no pixel is above 1; pixels range from 0 to 255, so multiply them by 255`);
  }
  return warnings;
}

/** Returns the rows of `test` whose image is also in `train`, and so was seen in training. */
export function sharedRows(train: ImageDataset, test: ImageDataset): number[] {
  const trainImages = new Set<string>();
  for (let row = 0; row < train.count; row++) trainImages.add(imageKey(train, row));
  return rowsWhere(test.count, (row) => trainImages.has(imageKey(test, row)));
}

/** Like `datasetWarnings`, for a training and a test set of images of one size: test images that are in both. */
export function overlapWarnings(train: ImageDataset, test: ImageDataset): string[] {
  const rows = sharedRows(train, test);
  return rows.length > 0 ? [`test: ${rowsAre(rows)} also in train`] : [];
}

/** `row 3 is`, or `12 rows (3, 7, 9, ...) are`. */
function rowsAre(rows: readonly number[]): string {
  if (rows.length === 1) return `row ${rows[0]} is`;
  const listed = rows.slice(0, 5).join(', ');
  return `${rows.length} rows (${listed}${rows.length > 5 ? ', ...' : ''}) are`;
}

function rowsWhere(count: number, condition: (row: number) => boolean): number[] {
  const rows: number[] = [];
  for (let row = 0; row < count; row++) if (condition(row)) rows.push(row);
  return rows;
}

function isBlank(image: Uint8Array): boolean {
  return image.every((pixel) => pixel === image[0]);
}

/** The pixels of an image as a string, to look it up in a set. */
function imageKey({ images, height, width }: ImageDataset, row: number): string {
  const pixels = height * width;
  return Buffer.from(images.buffer, images.byteOffset + row * pixels, pixels).toString('latin1');
}
