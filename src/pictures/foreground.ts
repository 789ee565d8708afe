import { DataError } from '../errors.ts';
import type { Picture } from './png.ts';

/** How strongly each pixel is drawn: 0 (background) to 255, row-major [height, width]. */
export interface Foreground {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** A picture whose largest contrast (0 to 255) is below this is empty. */
const MIN_CONTRAST = 16;

/**
 * Separates a drawing from its background. The background colour is the median colour of the picture's border; a
 * pixel's strength is its largest difference from it in any channel. So dark on light, light on dark, coloured and
 * transparent pictures all work.
 *
 * @param name of the picture, for messages
 * @throws DataError if nothing stands out from the background
 */
export function extractForeground({ width, height, data }: Picture, name: string): Foreground {
  const pixels = premultiplied(data);
  const [red, green, blue, alpha] = borderMedians(pixels, width, height);
  const values = new Float32Array(width * height);
  let strongest = 0;
  for (let pixel = 0; pixel < values.length; pixel++) {
    const offset = 4 * pixel;
    const difference = Math.max(
      Math.abs(pixels[offset]! - red),
      Math.abs(pixels[offset + 1]! - green),
      Math.abs(pixels[offset + 2]! - blue),
      Math.abs(pixels[offset + 3]! - alpha),
    );
    values[pixel] = difference;
    strongest = Math.max(strongest, difference);
  }
  if (strongest < MIN_CONTRAST) {
    throw new DataError(
      'invalid-data',
      `${name}: the picture is empty: its shades differ by ${Math.round(strongest)} of 255, at least ${MIN_CONTRAST} are needed; use a picture with more contrast`,
    );
  }
  return { width, height, values };
}

/** Multiplies colours by alpha, so that all transparent pixels are equal, whatever colour they store. */
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

/** The median of each channel over the pixels at the picture's edge. */
function borderMedians(pixels: Uint8Array, width: number, height: number): [number, number, number, number] {
  const histograms = Array.from({ length: 4 }, () => new Uint32Array(256));
  let borderPixels = 0;
  for (let row = 0; row < height; row++) {
    const step = row === 0 || row === height - 1 ? 1 : Math.max(1, width - 1);
    for (let column = 0; column < width; column += step) {
      const offset = 4 * (row * width + column);
      for (let channel = 0; channel < 4; channel++) histograms[channel]![pixels[offset + channel]!]! += 1;
      borderPixels++;
    }
  }
  const median = (channel: number) => {
    let cumulative = 0;
    return histograms[channel]!.findIndex((count) => {
      cumulative += count;
      return 2 * cumulative > borderPixels;
    });
  };
  return [median(0), median(1), median(2), median(3)];
}
