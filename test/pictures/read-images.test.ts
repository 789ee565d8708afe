import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { writeIdx } from '../../src/mnist-data-loader/index.ts';
import { encodeGreyPng, readImages } from '../../src/pictures/index.ts';
import { picture, writePicture } from '../helpers/pictures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const size = { height: 2, width: 3 };

describe('readImages', () => {
  test('returns all or the chosen rows of an IDX file', async () => {
    const path = join(await temporaryFolder(), 'images.gz');
    await writeIdx(path, { shape: [3, 2, 3], values: Uint8Array.from({ length: 18 }, (_, index) => index) });
    expect((await readImages(path, size)).map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(await readImages(path, size, { rows: [2, 0] })).toEqual([
      { file: path, row: 2, pixels: Uint8Array.of(12, 13, 14, 15, 16, 17) },
      { file: path, row: 0, pixels: Uint8Array.of(0, 1, 2, 3, 4, 5) },
    ]);
  });

  test('normalizes a picture regardless of its file name', async () => {
    const path = join(await temporaryFolder(), 'misnamed.idx');
    await writePicture(
      path,
      picture(60, 60, (x, y) => (x > 20 && x < 40 && y > 20 && y < 40 ? 0 : 255)),
    );
    const images = await readImages(path, { height: 28, width: 28 });
    expect(images).toEqual([{ file: path, pixels: expect.any(Uint8Array) }]);
    expect(images[0]!.pixels.filter((shade) => shade > 0).length).toBe(400);
  });

  test('returns the pixels that encodeGreyPng wrote, and normalizes them only for another size', async () => {
    const path = join(await temporaryFolder(), 'x.png');
    // Dark in one corner of a light image: normalizing would invert and centre it.
    const pixels = new Uint8Array(784).fill(255);
    pixels.fill(0, 0, 5);
    await writeFile(path, encodeGreyPng(pixels, { height: 28, width: 28 }));
    expect((await readImages(path, { height: 28, width: 28 }))[0]!.pixels).toEqual(pixels);
    const [scaled] = await readImages(path, { height: 14, width: 14 });
    expect(scaled!.pixels.length).toBe(196);
    expect([scaled!.pixels[0], Math.max(...scaled!.pixels)]).toEqual([0, 255]);
  });

  test.each([
    ['x', Buffer.of(0xff, 0xd8, 0xff, 0xe0), 'x: not a PNG file but a JPEG picture; convert it to PNG'],
    ['x.png', Buffer.from('GIF89a'), 'x.png: not a PNG file but a GIF picture; convert it to PNG'],
    [
      'x.png',
      Buffer.from('\0\0\0\x1cftypheic\0\0\0\0', 'latin1'),
      'x.png: not a PNG file but a HEIC picture',
    ],
    ['x.png', gzipSync('hello'), 'x.png: not an IDX file'],
    ['x.png', Buffer.of(0, 0, 0, 9), 'x.png: not a PNG file (magic 00000009); save it as PNG'],
    ['x.PNG', Buffer.from('hello'), 'x.PNG: not a PNG file (magic 68656c6c); save it as PNG'],
    ['x.png', Buffer.alloc(0), 'x.png: not a PNG file (it is empty); save it as PNG'],
    ['x', Buffer.from('hello'), 'x: not an IDX file'],
    [
      'x',
      Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      'x: not a PNG file (8 bytes, a header takes 33)',
    ],
  ])('rejects other file formats: %s, %s', async (name, bytes, message) => {
    const path = join(await temporaryFolder(), name);
    await writeFile(path, bytes);
    await expect(readImages(path, size)).rejects.toThrowError(DataError);
    await expect(readImages(path, size)).rejects.toThrowError(message);
  });

  test('rejects folders and missing files', async () => {
    const folder = await temporaryFolder();
    await expect(readImages(folder, size)).rejects.toThrowError('not a file; name a picture');
    await expect(readImages(join(folder, 'no'), size)).rejects.toThrowError('no: cannot be read');
  });

  test('rejects IDX files of another shape, and missing rows', async () => {
    const path = join(await temporaryFolder(), 'x');
    await writeIdx(path, { shape: [4], values: new Uint8Array(4) });
    await expect(readImages(path, size)).rejects.toThrowError(
      'x: has shape [4], the model takes images [count, 2, 3]; use an idx3 file of that size',
    );
    await writeIdx(path, { shape: [1, 3, 2], values: new Uint8Array(6) });
    await expect(readImages(path, size)).rejects.toThrowError('x: has shape [1, 3, 2]');
    await writeIdx(path, { shape: [2, 2, 3], values: new Uint8Array(12) });
    await expect(readImages(path, size, { rows: [0, 2] })).rejects.toThrowError(UsageError);
    await expect(readImages(path, size, { rows: [0, 2] })).rejects.toThrowError(
      /x: no row 2; rows are 0 to 1/,
    );
  });
});
