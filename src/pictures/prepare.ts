import { type Ink, inkOf } from './ink.ts';
import type { Picture } from './png.ts';
import { resize } from './resize.ts';
import { withoutSpecks } from './specks.ts';

/** In pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** Side of the box that a digit fills, as a share of the image: 20 of 28 pixels. */
const BOX_SHARE = 20 / 28;
/** Longest side, in pixels, at which dust is removed and the drawing's edges are found. */
const WORKING_SIZE = 1024;

/**
 * Turns a drawing into an image as MNIST has them: white on black, scaled to fit a box of 20x20 pixels with its
 * proportions kept, its centre of mass in the middle of 28x28 (LeCun's description of the set; over its 70,000
 * images the mean column and row are 14.0, within half a pixel). A picture that is like this already stays as
 * it is, but for its polarity.
 *
 * @returns pixels 0..255, [height, width]
 * @throws DataError when the picture is empty
 */
export function prepareDigit(picture: Picture, size: ImageSize, name: string): Uint8Array {
  const ink = inkOf(picture, name);
  if (isPrepared(ink, size)) return Uint8Array.from(ink.values, Math.round);
  const drawing = cropped(withoutSpecks(atMost(ink, WORKING_SIZE)));
  const scale = Math.min(
    (size.width * BOX_SHARE) / drawing.width,
    (size.height * BOX_SHARE) / drawing.height,
  );
  const fitted = resize(
    drawing,
    Math.max(1, Math.round(drawing.width * scale)),
    Math.max(1, Math.round(drawing.height * scale)),
  );
  return centred(fitted, size);
}

/** The ink scaled down where a side is longer than `side`: a photo holds more than is needed. */
function atMost(ink: Ink, side: number): Ink {
  const scale = side / Math.max(ink.width, ink.height);
  if (scale >= 1) return ink;
  return resize(ink, Math.max(1, Math.round(ink.width * scale)), Math.max(1, Math.round(ink.height * scale)));
}

function isPrepared(ink: Ink, { height, width }: ImageSize): boolean {
  if (ink.width !== width || ink.height !== height) return false;
  const box = boundingBox(ink);
  const [column, row] = centreOfMass(ink);
  return (
    box.right - box.left <= Math.round(width * BOX_SHARE) &&
    box.bottom - box.top <= Math.round(height * BOX_SHARE) &&
    Math.abs(column - width / 2) <= 0.5 &&
    Math.abs(row - height / 2) <= 0.5
  );
}

function cropped(ink: Ink): Ink {
  const { left, top, right, bottom } = boundingBox(ink);
  const width = right - left;
  const values = new Float32Array(width * (bottom - top));
  for (let row = top; row < bottom; row++) {
    const start = row * ink.width;
    values.set(ink.values.subarray(start + left, start + right), (row - top) * width);
  }
  return { width, height: bottom - top, values };
}

/** Places the drawing by its centre of mass, never beyond the edge, and lets its strongest ink be 255. */
function centred(ink: Ink, { height, width }: ImageSize): Uint8Array {
  const [column, row] = centreOfMass(ink);
  const left = within(Math.round(width / 2 - column), width - ink.width);
  const top = within(Math.round(height / 2 - row), height - ink.height);
  const most = ink.values.reduce((largest, value) => Math.max(largest, value), 0);
  const image = new Uint8Array(height * width);
  for (let y = 0; y < ink.height; y++) {
    for (let x = 0; x < ink.width; x++) {
      image[(top + y) * width + left + x] = Math.round((255 * ink.values[y * ink.width + x]!) / most);
    }
  }
  return image;
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

/** Right and bottom are the first column and row without ink. */
function boundingBox({ width, height, values }: Ink) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (values[row * width + column] === 0) continue;
      left = Math.min(left, column);
      right = Math.max(right, column + 1);
      top = Math.min(top, row);
      bottom = row + 1;
    }
  }
  return { left, top, right, bottom };
}

/** Mean column and row, weighted by ink. */
function centreOfMass({ width, values }: Ink): [column: number, row: number] {
  let [mass, columns, rows] = [0, 0, 0];
  for (const [index, value] of values.entries()) {
    mass += value;
    columns += value * (index % width);
    rows += value * Math.floor(index / width);
  }
  return [columns / mass, rows / mass];
}
