import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { importPictures, writeMistakes } from '../../src/pictures/index.ts';
import { createRandom } from '../../src/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

vi.mock('node:fs/promises', { spy: true });

const random = createRandom(0);
/** Noise: nothing that normalizing a drawing would leave as it is. Image 7 is blank. */
const dataset = {
  images: Uint8Array.from({ length: 8 * 28 * 28 }, (_, index) => (index < 7 * 784 ? random.below(256) : 9)),
  height: 28,
  width: 28,
  count: 8,
};
const evaluation = {
  labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 12, 12),
  predictions: Uint8Array.of(1, 0, 2, 1, 1, 1, 12, 0),
};
const size = { height: 28, width: 28 };
const imageOf = (row: number) => [...dataset.images.subarray(784 * row, 784 * (row + 1))];

describe('writeMistakes', () => {
  test('writes each misclassified image under its label, with its row and prediction in the name', async () => {
    const folder = join(await temporaryFolder(), 'new', 'mistakes');
    expect(await writeMistakes(evaluation, dataset, folder)).toBe(4);
    expect((await readdir(folder)).sort()).toEqual(['0', '12']);
    const files = await readdir(join(folder, '0'));
    expect(files.sort()).toEqual(['0-predicted-1.png', '2-predicted-2.png', '3-predicted-1.png']);
    expect(await readdir(join(folder, '12'))).toEqual(['7-predicted-0.png']);
  });

  test('writes images that importPictures reads back bit for bit, with corrected labels', async () => {
    const folder = await temporaryFolder();
    await writeMistakes(evaluation, dataset, folder);
    await mkdir(join(folder, '2'));
    await rename(join(folder, '0', '2-predicted-2.png'), join(folder, '2', '2-predicted-2.png'));
    const { images, labels, classes } = await importPictures(folder, size);
    expect([...labels]).toEqual([0, 0, 2, 12]);
    expect(classes).toBe(13);
    expect([...images]).toEqual([0, 3, 2, 7].flatMap(imageOf));
  });

  test('writes nothing if there are no mistakes', async () => {
    const folder = await temporaryFolder();
    const { labels } = evaluation;
    expect(await writeMistakes({ labels, predictions: labels }, dataset, folder)).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([
    ['a new folder', 'new/mistakes', []],
    ['an empty folder', '.', []],
  ])('leaves %s as it was if the disk is full', async (_title, name, expected) => {
    const folder = await temporaryFolder();
    const actual = await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises');
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    // The first image still fits.
    vi.mocked(writeFile).mockImplementationOnce(actual.writeFile).mockRejectedValueOnce(full);
    const writing = writeMistakes(evaluation, dataset, join(folder, name));
    await expect(writing).rejects.toThrowError(DataError);
    await expect(writing).rejects.toThrowError(/cannot be written: the disk is full/);
    expect(await readdir(folder)).toEqual(expected);
  });

  test('rejects a folder that contains files, and does not change them', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'notes.txt'), '');
    const writing = writeMistakes(evaluation, dataset, folder);
    await expect(writing).rejects.toThrowError(UsageError);
    await expect(writing).rejects.toThrowError('the folder is not empty; choose another folder');
    expect(await readdir(folder)).toEqual(['notes.txt']);
    await expect(writeMistakes(evaluation, dataset, join(folder, 'notes.txt'))).rejects.toThrowError(
      DataError,
    );
  });

  test('rejects predictions of other images', async () => {
    const fewer = { ...dataset, count: 7 };
    await expect(writeMistakes(evaluation, fewer, await temporaryFolder())).rejects.toThrowError(
      '8 predictions do not fit 7 images',
    );
  });
});
