import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkMnist, writeIdx } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tinySet, writeSplit } from '../helpers/tiny-set.ts';

const removeSplit = (directory: string, prefix: 'train' | 't10k') =>
  Promise.all(['images-idx3', 'labels-idx1'].map((kind) => rm(join(directory, `${prefix}-${kind}-ubyte`))));

describe('checkMnist', () => {
  test('returns both sets, and the warnings about each and about images in both', async () => {
    const directory = await tinySet();
    const check = await checkMnist(directory);
    expect(check).toMatchObject({ directory, errors: [] });
    expect([check.train!.dataset.count, check.test!.dataset.count]).toEqual([6, 3]);
    // Image i of a tiny set is the same in both sets.
    expect(check.warnings).toEqual(['test: 3 rows (0, 1, 2) are also in train']);
    await writeIdx(join(directory, 'train-images-idx3-ubyte'), {
      shape: [6, 3, 2],
      values: new Uint8Array(36).fill(9),
    });
    expect((await checkMnist(directory)).warnings).toEqual([
      'train: 6 rows (0, 1, 2, 3, 4, ...) are blank (all pixels are equal)',
    ]);
    await writeIdx(join(directory, 't10k-images-idx3-ubyte'), {
      shape: [3, 3, 2],
      values: new Uint8Array(18).fill(8),
    });
    expect((await checkMnist(directory)).warnings).toEqual([
      'train: 6 rows (0, 1, 2, 3, 4, ...) are blank (all pixels are equal)',
      'test: 3 rows (0, 1, 2) are blank (all pixels are equal)',
    ]);
  });

  test('warns about a missing set', async () => {
    const [withoutTest, withoutTrain] = [await tinySet(), await tinySet()];
    await removeSplit(withoutTest, 't10k');
    await removeSplit(withoutTrain, 'train');
    expect(await checkMnist(withoutTest)).toMatchObject({
      test: undefined,
      errors: [],
      warnings: ['test: not found; evaluation is not possible'],
    });
    expect(await checkMnist(withoutTrain)).toMatchObject({
      train: undefined,
      errors: [],
      warnings: ['train: not found; only evaluation is possible'],
    });
  });

  test('collects the errors of both sets', async () => {
    const directory = await tinySet();
    for (const [prefix, count] of [
      ['train', 5],
      ['t10k', 2],
    ] as const) {
      await writeIdx(join(directory, `${prefix}-labels-idx1-ubyte`), {
        shape: [count],
        values: new Uint8Array(count),
      });
    }
    const { errors, warnings, train, test: own } = await checkMnist(directory);
    expect(errors).toEqual([
      expect.stringContaining('train-labels-idx1-ubyte: 5 labels do not fit the 6 images'),
      expect.stringContaining('t10k-labels-idx1-ubyte: 2 labels do not fit the 3 images'),
    ]);
    expect([warnings, train, own]).toEqual([[], undefined, undefined]);
  });

  test.each([
    [{ height: 2, width: 2 }, '2x2'],
    [{ height: 3, width: 3 }, '3x3'],
  ])('reports sets of different image sizes: %o', async (size, name) => {
    const directory = await tinySet();
    await writeSplit(directory, 't10k', [0, 1], size);
    expect(await checkMnist(directory)).toMatchObject({
      errors: [`${directory}: training images are 3x2, test images ${name}; use sets of one size`],
      warnings: [],
    });
  });

  test('adjusts the images first', async () => {
    const directory = await tinySet();
    const { train } = await checkMnist('.', directory, { adjust: ['transpose', 'invert'] });
    expect(train!.dataset).toMatchObject({ height: 2, width: 3 });
    expect([...train!.dataset.images.subarray(0, 6)]).toEqual([255, 253, 251, 254, 252, 250]);
  });

  test('throws for a folder without IDX files', async () => {
    await expect(checkMnist(await temporaryFolder())).rejects.toThrow('no IDX files found');
  });
});
