import { DataError } from '../errors.ts';
import type { Picture } from './png.ts';

/** How much ink each pixel has, 0 (paper) to 255, row by row. */
export interface Ink {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** Less contrast than this, of 255, is taken for an empty picture. */
const MIN_CONTRAST = 16;

/**
 * Separates ink from paper. Paper is the colour most common on the picture's border (the median of each
 * channel); ink is how far a pixel's colour is from it. So it does not matter whether the drawing is dark on
 * light or light on dark, which colours it has, or whether paper is transparent.
 *
 * @throws DataError when nothing stands out from the paper
 */
export function inkOf({ width, height, data }: Picture, name: string): Ink {
  const pixels = premultiplied(data);
  const paper = [0, 1, 2, 3].map((channel) => borderMedian(pixels, width, height, channel));
  const values = new Float32Array(width * height);
  let most = 0;
  for (let pixel = 0; pixel < values.length; pixel++) {
    const distance = paper.reduce(
      (largest, level, channel) => Math.max(largest, Math.abs(pixels[4 * pixel + channel]! - level)),
      0,
    );
    values[pixel] = distance;
    most = Math.max(most, distance);
  }
  if (most < MIN_CONTRAST) {
    throw new DataError(
      `${name}: is empty: shades differ by ${Math.round(most)} of 255, at least ${MIN_CONTRAST} is needed; draw something`,
    );
  }
  return { width, height, values };
}

/** Colours times alpha, so that all transparent pixels are alike and black ink on nothing shows in alpha. */
function premultiplied(data: Uint8Array): Uint8Array {
  const pixels = Uint8Array.from(data);
  for (let pixel = 0; pixel < pixels.length; pixel += 4) {
    const alpha = pixels[pixel + 3]! / 255;
    for (let channel = 0; channel < 3; channel++) {
      pixels[pixel + channel] = Math.round(pixels[pixel + channel]! * alpha);
    }
  }
  return pixels;
}

function borderMedian(pixels: Uint8Array, width: number, height: number, channel: number): number {
  const border: number[] = [];
  for (let row = 0; row < height; row++) {
    const step = row === 0 || row === height - 1 ? 1 : Math.max(1, width - 1);
    for (let column = 0; column < width; column += step) {
      border.push(pixels[4 * (row * width + column) + channel]!);
    }
  }
  return border.toSorted((one, other) => one - other)[border.length >> 1]!;
}
