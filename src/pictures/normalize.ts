import { extractForeground, type Foreground } from './foreground.ts';
import type { ImageSize, Picture } from './png.ts';
import { resize } from './resize.ts';
import { removeSpeckles } from './speckles.ts';

/** Side of the box that a digit is fitted into, as a fraction of the image's side: 20 of 28 pixels. */
const BOX_SHARE = 20 / 28;
/** Larger pictures are scaled down to this many pixels on their longest side before speckles are removed. */
const WORKING_SIZE = 1024;

/**
 * Converts a drawing of a digit to an image like those of MNIST: white on black, scaled to fit a box of 20x20 pixels
 * without changing its proportions, its centre of mass in the middle of 28x28 (LeCun's description of the data set; over its
 * 70,000 images the mean column and row are 14.0, each within half a pixel).
 *
 * A picture that already has this form is returned unchanged; if it is dark on light, it is inverted.
 *
 * @param name of the picture, for messages
 * @returns pixels 0..255 [height, width]
 * @throws DataError if the picture is empty
 */
export function normalizeDigit(picture: Picture, size: ImageSize, name: string): Uint8Array {
  const foreground = extractForeground(picture, name);
  if (isNormalized(foreground, size)) return Uint8Array.from(foreground.values, Math.round);
  const drawing = cropped(removeSpeckles(limited(foreground, WORKING_SIZE)));
  const scale = Math.min(
    (size.width * BOX_SHARE) / drawing.width,
    (size.height * BOX_SHARE) / drawing.height,
  );
  const scaled = resize(
    drawing,
    Math.max(1, Math.round(drawing.width * scale)),
    Math.max(1, Math.round(drawing.height * scale)),
  );
  return centred(scaled, size);
}

/** Scales down to `side` pixels if the longest side is longer. */
function limited(foreground: Foreground, side: number): Foreground {
  const { width, height } = foreground;
  const scale = side / Math.max(width, height);
  if (scale >= 1) return foreground;
  return resize(foreground, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
}

function isNormalized(foreground: Foreground, { height, width }: ImageSize): boolean {
  if (foreground.width !== width || foreground.height !== height) return false;
  const box = boundingBox(foreground);
  const [column, row] = centreOfMass(foreground);
  return (
    box.right - box.left <= Math.round(width * BOX_SHARE) &&
    box.bottom - box.top <= Math.round(height * BOX_SHARE) &&
    Math.abs(column - width / 2) <= 0.5 &&
    Math.abs(row - height / 2) <= 0.5
  );
}

function cropped(foreground: Foreground): Foreground {
  const { left, top, right, bottom } = boundingBox(foreground);
  const width = right - left;
  const values = new Float32Array(width * (bottom - top));
  for (let row = top; row < bottom; row++) {
    const start = row * foreground.width;
    values.set(foreground.values.subarray(start + left, start + right), (row - top) * width);
  }
  return { width, height: bottom - top, values };
}

/**
 * Places the drawing with its centre of mass in the middle, but not beyond the edges, and scales it so that its
 * strongest pixel is 255.
 */
function centred(drawing: Foreground, { height, width }: ImageSize): Uint8Array {
  const [column, row] = centreOfMass(drawing);
  const left = clamp(Math.round(width / 2 - column), width - drawing.width);
  const top = clamp(Math.round(height / 2 - row), height - drawing.height);
  const strongest = drawing.values.reduce((largest, value) => Math.max(largest, value), 0);
  const image = new Uint8Array(height * width);
  for (let y = 0; y < drawing.height; y++) {
    for (let x = 0; x < drawing.width; x++) {
      const value = drawing.values[y * drawing.width + x]!;
      image[(top + y) * width + left + x] = Math.round((255 * value) / strongest);
    }
  }
  return image;
}

function clamp(value: number, max: number): number {
  return Math.min(max, Math.max(0, value));
}

/** The smallest box around all pixels above 0; `right` and `bottom` are exclusive. */
function boundingBox({ width, height, values }: Foreground) {
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

/** Mean column and row of the pixels, weighted by their values. */
function centreOfMass({ width, values }: Foreground): [column: number, row: number] {
  let [mass, columns, rows] = [0, 0, 0];
  for (const [index, value] of values.entries()) {
    mass += value;
    columns += value * (index % width);
    rows += value * Math.floor(index / width);
  }
  return [columns / mass, rows / mass];
}
