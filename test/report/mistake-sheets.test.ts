import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { writeFileAtomic } from '../../src/files/write-file-atomic.ts';
import { createCanvas, textWidth } from '../../src/pictures/canvas.ts';
import { type Picture, parsePng } from '../../src/pictures/index.ts';
import { writeMistakeSheets } from '../../src/report/mistake-sheets.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

vi.mock('../../src/files/write-whole.ts', { spy: true });

/** Image i is of shade 100 + i throughout. */
const dataset = {
  images: Uint8Array.from({ length: 8 * 28 * 28 }, (_, index) => 100 + Math.floor(index / 784)),
  height: 28,
  width: 28,
  count: 8,
};
const evaluation = {
  count: 8,
  loss: 1,
  classNames: ['0', '1', 'T-shirt/top'],
  labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 2, 2),
  predictions: Uint8Array.of(1, 0, 2, 1, 1, 1, 2, 0),
  confidences: Float32Array.of(0.5, 0.9, 0.99, 0.75, 1, 1, 1, 0.6),
};

async function read(path: string): Promise<Picture> {
  return parsePng(await readFile(path), path);
}

/** The shades of images along the first row of cells, in order. */
function shadesAlong({ width, height, data }: Picture): number[] {
  const shades: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      const grey = data[at] === data[at + 1] && data[at] === data[at + 2];
      if (grey && data[at]! >= 100 && data[at]! < 108 && !shades.includes(data[at]!)) shades.push(data[at]!);
    }
  }
  return shades;
}

describe('writeMistakeSheets', () => {
  test('draws a sheet for each class with mistakes, in the order of confidence', async () => {
    const folder = join(await temporaryFolder(), 'new', 'sheets');
    const sheets = await writeMistakeSheets(evaluation, dataset, folder);
    expect(sheets).toEqual([
      { label: 0, path: join(folder, 'truth-0.png'), mistakes: 3 },
      { label: 2, path: join(folder, 'truth-T-shirt-top-2.png'), mistakes: 1 },
    ]);
    expect(shadesAlong(await read(sheets[0]!.path))).toEqual([102, 103, 100]);
    expect(shadesAlong(await read(sheets[1]!.path))).toEqual([107]);
  });

  test('writes truth, guess, confidence and row into the picture', async () => {
    const folder = await temporaryFolder();
    const [sheet] = await writeMistakeSheets(evaluation, dataset, folder);
    const picture = await read(sheet!.path);
    for (const text of ['0: 3 of 4 wrong', '0 as 1', '75.0%', '#3'])
      expect(holdsText(picture, text)).toBe(true);
    for (const text of ['0 as 7', '74.9%', '#1']) expect(holdsText(picture, text)).toBe(false);
  });

  test('gives the same bytes for the same evaluation, and removes sheets that no longer apply', async () => {
    const folder = await temporaryFolder();
    const [first] = await writeMistakeSheets(evaluation, dataset, folder);
    const bytes = await readFile(first!.path);
    await writeFile(join(folder, 'mine.png'), '');
    await writeMistakeSheets(evaluation, dataset, folder);
    expect(await readFile(first!.path)).toEqual(bytes);
    await writeMistakeSheets({ ...evaluation, predictions: evaluation.labels }, dataset, folder);
    expect(await readdir(folder)).toEqual(['mine.png']);
  });

  test('leaves nothing half-made when the disk is full', async () => {
    const folder = await temporaryFolder();
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    /** The first sheet still fits. */
    const fill = () =>
      vi
        .mocked(writeFileAtomic)
        .mockImplementationOnce((path, content) => writeFile(path, content))
        .mockRejectedValueOnce(full);
    fill();
    await expect(writeMistakeSheets(evaluation, dataset, join(folder, 'new', 'sheets'))).rejects.toThrowError(
      /new\/sheets: cannot be written: the disk is full/,
    );
    expect(await readdir(folder)).toEqual([]);

    await writeFile(join(folder, 'truth-0.png'), 'of before');
    await writeFile(join(folder, 'truth-1.png'), 'of before');
    fill();
    await expect(writeMistakeSheets(evaluation, dataset, folder)).rejects.toThrowError(DataError);
    expect((await readdir(folder)).sort()).toEqual(['truth-0.png', 'truth-1.png']);
    expect(await readFile(join(folder, 'truth-0.png'), 'utf8')).toBe('of before');
  });

  test('shows a hundred of many mistakes and says so', async () => {
    const count = 120;
    const many = {
      count,
      loss: 1,
      classNames: ['0', '1'],
      labels: new Uint8Array(count),
      predictions: new Uint8Array(count).fill(1),
      confidences: new Float32Array(count).fill(0.5),
    };
    const images = { images: new Uint8Array(count * 784), height: 28, width: 28, count };
    const [sheet] = await writeMistakeSheets(many, images, await temporaryFolder());
    expect(sheet!.mistakes).toBe(120);
    const picture = await read(sheet!.path);
    expect(holdsText(picture, '0: 120 of 120 wrong, the 100 most confident')).toBe(true);
    expect([holdsText(picture, '#99'), holdsText(picture, '#100')]).toEqual([true, false]);
  });

  test('refuses images that are not those judged, and a folder it cannot make', async () => {
    const folder = await temporaryFolder();
    await expect(writeMistakeSheets(evaluation, { ...dataset, count: 7 }, folder)).rejects.toThrowError(
      '8 predictions do not fit 7 images',
    );
    await writeFile(join(folder, 'file'), '');
    await expect(writeMistakeSheets(evaluation, dataset, join(folder, 'file'))).rejects.toThrowError(
      DataError,
    );
  });
});

/** Whether the picture shows this line of text at scale 2, whatever its colour. */
function holdsText({ width, height, data }: Picture, text: string): boolean {
  const [textWide, textHigh] = [textWidth(text, 2), 14];
  const stencil = createCanvas(textWide, textHigh, [255, 255, 255]);
  stencil.text(0, 0, text, [0, 0, 0], 2);
  const white = (pixels: Uint8Array, at: number) => pixels[at] === 255 && pixels[at + 1] === 255;
  const matches = (left: number, top: number) => {
    for (let y = 0; y < textHigh; y++) {
      for (let x = 0; x < textWide; x++) {
        if (white(stencil.data, 4 * (y * textWide + x)) !== white(data, 4 * ((top + y) * width + left + x))) {
          return false;
        }
      }
    }
    return true;
  };
  for (let top = 0; top <= height - textHigh; top++) {
    for (let left = 0; left <= width - textWide; left++) if (matches(left, top)) return true;
  }
  return false;
}
