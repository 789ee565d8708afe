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
  const [red, green, blue, alpha] = borderMedians(pixels, width, height);
  const values = new Float32Array(width * height);
  let most = 0;
  for (let pixel = 0; pixel < values.length; pixel++) {
    const at = 4 * pixel;
    const distance = Math.max(
      Math.abs(pixels[at]! - red),
      Math.abs(pixels[at + 1]! - green),
      Math.abs(pixels[at + 2]! - blue),
      Math.abs(pixels[at + 3]! - alpha),
    );
    values[pixel] = distance;
    most = Math.max(most, distance);
  }
  if (most < MIN_CONTRAST) {
    throw new DataError(
      'invalid-data',
      `${name}: is empty: shades differ by ${Math.round(most)} of 255, at least ${MIN_CONTRAST} is needed; draw something`,
    );
  }
  return { width, height, values };
}

/** Colours times alpha, so that all transparent pixels are alike and black ink on nothing shows in alpha. */
function premultiplied(data: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(data);
  for (let pixel = 0; pixel < pixels.length; pixel += 4) {
    const alpha = pixels[pixel + 3]! / 255;
    if (alpha === 1) continue;
    for (let channel = 0; channel < 3; channel++) {
      pixels[pixel + channel] = Math.round(pixels[pixel + channel]! * alpha);
    }
  }
  return pixels;
}

/** The median of each channel over the pixels at the edge. */
function borderMedians(pixels: Uint8Array, width: number, height: number): [number, number, number, number] {
  const counts = Array.from({ length: 4 }, () => new Uint32Array(256));
  let border = 0;
  for (let row = 0; row < height; row++) {
    const step = row === 0 || row === height - 1 ? 1 : Math.max(1, width - 1);
    for (let column = 0; column < width; column += step) {
      const at = 4 * (row * width + column);
      for (let channel = 0; channel < 4; channel++) counts[channel]![pixels[at + channel]!]! += 1;
      border++;
    }
  }
  const median = (channel: number) => {
    let below = 0;
    return counts[channel]!.findIndex((count) => {
      below += count;
      return 2 * below > border;
    });
  };
  return [median(0), median(1), median(2), median(3)];
}
