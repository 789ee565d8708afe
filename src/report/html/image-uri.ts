import { PNG } from 'pngjs';
import type { ImageDataset } from '../../data/index.ts';

/** One image as a grayscale PNG in a data URI. */
export function imageUri({ images, height, width }: ImageDataset, index: number): string {
  const png = new PNG({ width, height });
  const start = index * height * width;
  for (let pixel = 0; pixel < height * width; pixel++) {
    const value = images[start + pixel]!;
    png.data.set([value, value, value, 255], pixel * 4);
  }
  const bytes = PNG.sync.write(png, { colorType: 0 });
  return `data:image/png;base64,${bytes.toString('base64')}`;
}
