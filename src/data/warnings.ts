import { checkArgument } from '../arguments.ts';
import { countByLabel, type ImageDataset, requireDataset } from './dataset.ts';

/**
 * Lists what looks wrong with a data set that can be used nevertheless, one line per finding: classes without images,
 * blank images, pixels scaled to 0..1, drawings that are dark on light or transposed.
 *
 * @param name of the data set, for the lines
 * @throws UsageError if an argument is not what its type says
 */
export function datasetWarnings(dataset: ImageDataset, name: string): string[] {
  requireDataset('dataset', dataset);
  checkArgument('name', name, 'string');
  const { images, count } = dataset;
  const pixels = images.length / count;
  const warnings: string[] = [];
  const missing = countByLabel(dataset).flatMap((examples, label) => (examples === 0 ? [label] : []));
  if (missing.length > 0) warnings.push(`${name}: no images of label ${missing.join(', ')}`);
  const blank = rowsWhere(count, (row) => isBlank(images.subarray(row * pixels, (row + 1) * pixels)));
  if (blank.length > 0) warnings.push(`${name}: ${rowsAre(blank)} blank (all pixels are equal)`);
  if (allAtMostOne(images)) {
    warnings.push(`${name}: no pixel is above 1; pixels range from 0 to 255, so multiply them by 255`);
  }
  if (isDarkOnLight(dataset)) {
    warnings.push(
      `${name}: drawings are dark on light, those of MNIST light on dark; adjust them with 'invert'`,
    );
  }
  const [height, width] = meanExtent(dataset);
  if (width > WIDE * height) {
    warnings.push(
      `${name}: drawings are wider than tall (${width.toFixed(1)} x ${height.toFixed(1)} pixels), so they may be ` +
        "transposed as in EMNIST; adjust them with 'transpose'",
    );
  }
  return warnings;
}

/** Digits and letters are taller than wide: 1.4 times in MNIST, and 1.4 times wider than tall if transposed. */
const WIDE = 1.15;

/** Whether most pixels of the border are in the lighter half. */
function isDarkOnLight({ images, height, width }: ImageDataset): boolean {
  let [light, border] = [0, 0];
  for (let start = 0; start < images.length; start += width) {
    const row = (start / width) % height;
    const step = row === 0 || row === height - 1 ? 1 : Math.max(1, width - 1);
    for (let column = 0; column < width; column += step) {
      border += 1;
      if (images[start + column]! > 127) light += 1;
    }
  }
  return light > border / 2;
}

/** Mean height and width of the part of an image that differs from its first pixel, the background; NaN if all are blank. */
function meanExtent({ images, height, width }: ImageDataset): [height: number, width: number] {
  let [rows, columns, drawings] = [0, 0, 0];
  for (let start = 0; start < images.length; start += height * width) {
    let [top, bottom, left, right] = [height, -1, width, -1];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        if (Math.abs(images[start + row * width + column]! - images[start]!) < 64) continue;
        top = Math.min(top, row);
        bottom = row;
        left = Math.min(left, column);
        right = Math.max(right, column);
      }
    }
    if (bottom < 0) continue;
    rows += bottom - top + 1;
    columns += right - left + 1;
    drawings += 1;
  }
  return [rows / drawings, columns / drawings];
}

/**
 * Returns the rows of `test` whose image is also in `train`, and so was seen in training.
 *
 * @throws UsageError if an argument is not what its type says
 */
export function sharedRows(train: ImageDataset, test: ImageDataset): number[] {
  requireDataset('train', train);
  requireDataset('test', test);
  // Rows of different images by their hash. Sets of the images themselves would take as much memory again.
  const trainRows = new Map<number, number[]>();
  const isKnown = (image: Uint8Array, key: number) =>
    trainRows.get(key)?.some((row) => isEqual(imageAt(train, row), image)) === true;
  for (let row = 0; row < train.count; row++) {
    const image = imageAt(train, row);
    const key = hashOf(image);
    if (!isKnown(image, key)) trainRows.set(key, [...(trainRows.get(key) ?? []), row]);
  }
  return rowsWhere(test.count, (row) => {
    const image = imageAt(test, row);
    return isKnown(image, hashOf(image));
  });
}

/**
 * Like `datasetWarnings`, for a training and a test set of images of one size: test images that are in both.
 *
 * @throws UsageError if an argument is not what its type says
 */
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
  const [first] = image;
  // Loops, because a callback for each pixel takes ten times as long.
  for (let pixel = 1; pixel < image.length; pixel++) if (image[pixel] !== first) return false;
  return true;
}

function allAtMostOne(pixels: Uint8Array): boolean {
  for (let pixel = 0; pixel < pixels.length; pixel++) if (pixels[pixel]! > 1) return false;
  return true;
}

/** The pixels of an image, as a view. */
function imageAt({ images, height, width }: ImageDataset, row: number): Uint8Array {
  const pixels = height * width;
  return images.subarray(row * pixels, (row + 1) * pixels);
}

/** FNV-1a, 32 bits. */
function hashOf(image: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let pixel = 0; pixel < image.length; pixel++) hash = Math.imul(hash ^ image[pixel]!, 0x01000193);
  return hash;
}

function isEqual(first: Uint8Array, second: Uint8Array): boolean {
  for (let pixel = 0; pixel < first.length; pixel++) if (first[pixel] !== second[pixel]) return false;
  return true;
}
