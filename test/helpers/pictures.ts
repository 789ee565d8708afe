import { writeFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import type { Picture } from '../../src/pictures/index.ts';

/** A picture with the colour `color(x, y)` at each pixel: a shade of grey, or red, green, blue and alpha. */
export function picture(
  width: number,
  height: number,
  color: (x: number, y: number) => number | readonly number[],
): Picture {
  const data = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = color(x, y);
      data.set(typeof pixel === 'number' ? [pixel, pixel, pixel, 255] : pixel, 4 * (y * width + x));
    }
  }
  return { width, height, data };
}

/** The bytes of a PNG file, as a drawing program writes it; in colour by default. */
export function encodePicture({ width, height, data }: Picture, options = {}): Buffer {
  const png = new PNG({ width, height });
  png.data = Buffer.from(data);
  return PNG.sync.write(png, { colorType: 2, ...options });
}

export async function writePicture(path: string, drawing: Picture): Promise<void> {
  await writeFile(path, encodePicture(drawing));
}

/** Strength at (x, y) of an image [28, 28] scaled up by `scale` (bilinear), its corner at (left, top); 0 elsewhere. */
export function enlarged(image: Uint8Array, scale: number, left: number, top: number) {
  const at = (x: number, y: number) => (x < 0 || y < 0 || x > 27 || y > 27 ? 0 : image[28 * y + x]!);
  return (x: number, y: number): number => {
    const u = (x - left + 0.5) / scale - 0.5;
    const v = (y - top + 0.5) / scale - 0.5;
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const above = (1 - u + column) * at(column, row) + (u - column) * at(column + 1, row);
    const below = (1 - u + column) * at(column, row + 1) + (u - column) * at(column + 1, row + 1);
    return (1 - v + row) * above + (v - row) * below;
  };
}
