import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { writeIdx } from '../../src/mnist-data-loader/index.ts';
import { classifyImages, readImages, writePng } from '../../src/pictures/index.ts';
import { picture } from '../helpers/pictures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const size = { height: 2, width: 3 };

describe('readImages', () => {
  test('takes all rows of an IDX file, or those asked for, as they are', async () => {
    const path = join(await temporaryFolder(), 'images.gz');
    await writeIdx(path, { shape: [3, 2, 3], values: Uint8Array.from({ length: 18 }, (_, index) => index) });
    expect((await readImages(path, size)).map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(await readImages(path, size, [2, 0])).toEqual([
      { file: path, row: 2, pixels: Uint8Array.of(12, 13, 14, 15, 16, 17) },
      { file: path, row: 0, pixels: Uint8Array.of(0, 1, 2, 3, 4, 5) },
    ]);
  });

  test('prepares a picture', async () => {
    const path = join(await temporaryFolder(), 'misnamed.idx');
    await writePng(
      path,
      picture(60, 60, (x, y) => (x > 20 && x < 40 && y > 20 && y < 40 ? 0 : 255)),
    );
    const [image, ...others] = await readImages(path, { height: 28, width: 28 });
    expect(others).toEqual([]);
    expect(image).toMatchObject({ file: path });
    expect(image!.pixels.filter((shade) => shade > 0).length).toBe(400);
  });

  test('refuses what is neither, by its name', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'x');
    for (const [bytes, message] of [
      [Buffer.of(0xff, 0xd8, 0xff, 0xe0), 'x: is a JPEG picture; give PNG pictures or IDX files'],
      [Buffer.from('GIF89a'), 'x: is a GIF picture'],
      [Buffer.from('hello'), 'x: is no IDX file'],
      [Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), 'x: is no PNG picture'],
    ] as const) {
      await writeFile(path, bytes);
      await expect(readImages(path, size)).rejects.toThrowError(DataError);
      await expect(readImages(path, size)).rejects.toThrowError(message);
    }
    await expect(readImages(folder, size)).rejects.toThrowError('is not a file; give a picture');
    await expect(readImages(join(folder, 'no'), size)).rejects.toThrowError(
      'no: cannot be read: there is no',
    );
  });

  test('refuses IDX files that do not fit the model, and rows that are not there', async () => {
    const path = join(await temporaryFolder(), 'x');
    await writeIdx(path, { shape: [4], values: new Uint8Array(4) });
    await expect(readImages(path, size)).rejects.toThrowError(
      'x: holds [4] values, the model takes images [count, 2, 3]; give such an idx3 file',
    );
    await writeIdx(path, { shape: [1, 3, 2], values: new Uint8Array(6) });
    await expect(readImages(path, size)).rejects.toThrowError('x: holds [1, 3, 2] values');
    await writeIdx(path, { shape: [2, 2, 3], values: new Uint8Array(12) });
    await expect(readImages(path, size, [0, 2])).rejects.toThrowError(UsageError);
    await expect(readImages(path, size, [0, 2])).rejects.toThrowError(/^--rows 2: .*x has rows 0 to 1/);
  });
});

describe('classifyImages', () => {
  test('keeps the order over batches and takes the likeliest class', async () => {
    const images = Array.from({ length: 2500 }, (_, row) => ({
      file: 'x',
      row,
      pixels: Uint8Array.of(row % 256, row >> 8),
    }));
    const batches: number[] = [];
    const predictions = await classifyImages(images, async (values, count) => {
      batches.push(count);
      const probabilities = new Float32Array(count * 2);
      for (let index = 0; index < count; index++) {
        const row = values[2 * index]! + 256 * values[2 * index + 1]!;
        probabilities.set([1 - row / 4096, row / 4096], 2 * index);
      }
      return probabilities;
    });
    expect(batches).toEqual([1000, 1000, 500]);
    expect(predictions.map(({ row }) => row)).toEqual(images.map(({ row }) => row));
    expect(predictions[2499]).toEqual({
      file: 'x',
      row: 2499,
      label: 1,
      probabilities: [1 - 2499 / 4096, 2499 / 4096],
    });
    expect(predictions[100]!.label).toBe(0);
  });
});
