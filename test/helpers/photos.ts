import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mnist } from './mnist.ts';
import { enlarged, picture, writePicture } from './pictures.ts';

/** Writes pictures of handwriting as a phone takes them, dark on light: `folder/<digit>/<number>.png`, from 1. */
export async function writePhotos(folder: string, perDigit: number): Promise<void> {
  const { test } = await mnist();
  for (let digit = 0; digit < 10; digit++) {
    await mkdir(join(folder, String(digit)), { recursive: true });
    const rows = [...test.labels.keys()].filter((row) => test.labels[row] === digit).slice(0, perDigit);
    for (const [index, row] of rows.entries()) {
      const ink = enlarged(test.images.subarray(784 * row, 784 * (row + 1)), 2, 12, 7);
      const photo = picture(90, 70, (x, y) => Math.round(235 - 0.8 * ink(x, y)));
      await writePicture(join(folder, String(digit), `${index + 1}.png`), photo);
    }
  }
}
