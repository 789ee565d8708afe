import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import {
  countByLabel,
  findMnist,
  loadMnist,
  loadSplit,
  writeIdx,
} from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tinySet, writeSplit } from '../helpers/tiny-set.ts';

describe('loadMnist', () => {
  test('finds the published MNIST in the installed package', async () => {
    const { train, test, published, directory } = await loadMnist({ cwd: await temporaryFolder() });
    expect(published).toBe(true);
    expect(directory).toContain('mnist-data');
    expect([train.count, train.height, train.width, train.classes]).toEqual([60000, 28, 28, 10]);
    expect(test.count).toBe(10000);
    expect(countByLabel(test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
  });

  test('prefers data/ in the working directory, and the named folder to both', async () => {
    const cwd = await temporaryFolder();
    await cp(await tinySet(), join(cwd, 'data'), { recursive: true });
    await cp(await tinySet({ height: 5 }), join(cwd, 'other', 'MNIST', 'raw'), { recursive: true });
    expect((await loadMnist({ cwd })).train.height).toBe(3);
    const named = await loadMnist({ cwd, directory: 'other' });
    expect(named.train.height).toBe(5);
    expect(named.directory).toBe(join(cwd, 'other', 'MNIST', 'raw'));
  });

  test('takes any size and class count, and says that it is not the published MNIST', async () => {
    for (const suffix of ['', '.gz']) {
      const directory = await tinySet({ height: 4, width: 5, suffix });
      const { train, test, published } = await loadMnist({ directory });
      expect(train).toMatchObject({ count: 6, height: 4, width: 5, classes: 3 });
      expect([...test.labels]).toEqual([2, 1, 0]);
      expect([...test.images.subarray(20, 23)]).toEqual([7, 8, 9]);
      expect(published).toBe(false);
    }
  });

  test('gives both sets the classes of the larger one', async () => {
    const directory = await tinySet();
    await writeSplit(directory, 't10k', [0, 4]);
    const { train, test } = await loadMnist({ directory });
    expect([train.classes, test.classes]).toEqual([5, 5]);
  });

  test('recognises one changed pixel', async () => {
    const directory = await temporaryFolder();
    const { directory: source } = await findMnist(undefined, directory);
    for (const kind of ['images-idx3-ubyte', 'labels-idx1-ubyte']) {
      await cp(join(source, `t10k-${kind}`), join(directory, `t10k-${kind}`));
    }
    const found = await findMnist(directory);
    expect((await loadSplit(found, 'test')).published).toBe(true);
    const bytes = await readFile(found.test!.images);
    bytes[bytes.length - 1] = 1;
    await writeFile(found.test!.images, bytes);
    expect((await loadSplit(found, 'test')).published).toBe(false);
  });
});

describe('files that do not belong together', () => {
  const refused = async (directory: string, message: string, classes?: number) => {
    await expect(loadMnist({ directory, classes })).rejects.toThrowError(DataError);
    await expect(loadMnist({ directory, classes })).rejects.toThrowError(message);
  };

  test('refuses counts that disagree, with both', async () => {
    const directory = await tinySet();
    await writeIdx(join(directory, 'train-labels-idx1-ubyte'), { shape: [5], values: new Uint8Array(5) });
    await refused(directory, 'train-labels-idx1-ubyte: holds 5 labels for the 6 images of');
  });

  test('refuses labels outside the classes, with the row', async () => {
    await refused(
      await tinySet(),
      'train-labels-idx1-ubyte: label 2 in row 2 is outside the 2 classes (0 to 1)',
      2,
    );
  });

  test('refuses labels for images, images for labels, and no images at all', async () => {
    const directory = await tinySet();
    const labels = join(directory, 'train-labels-idx1-ubyte');
    await writeIdx(labels, { shape: [6, 1], values: new Uint8Array(6) });
    await refused(directory, 'train-labels-idx1-ubyte: has 2 dimensions, labels have 1');
    await writeIdx(join(directory, 'train-images-idx3-ubyte'), { shape: [6], values: new Uint8Array(6) });
    await refused(directory, 'train-images-idx3-ubyte: has 1 dimensions, images have 3');
    await writeSplit(directory, 'train', []);
    await refused(directory, 'train-images-idx3-ubyte: holds 0x3x2 pixels, no image');
  });

  test('refuses a test set of another image size', async () => {
    const directory = await tinySet();
    await writeSplit(directory, 't10k', [1], { height: 9 });
    await refused(directory, 't10k-images-idx3-ubyte: images are 9x2, those to train on 3x2');
  });

  test('names the file that is missing and where it looked', async () => {
    const directory = await tinySet();
    await rm(join(directory, 't10k-labels-idx1-ubyte'));
    await refused(directory, 'has t10k-images-idx3-ubyte but not its labels; add that file');
    await rm(join(directory, 't10k-images-idx3-ubyte'));
    await refused(directory, 'has no t10k-images-idx3-ubyte; add it');
    await refused(join(directory, 'no'), 'no: cannot be read: there is no such file or folder');
    await mkdir(join(directory, 'empty'));
    await refused(join(directory, 'empty'), 'empty: has none of the IDX files; put train-images-idx3-ubyte');
  });

  test('refuses to guess between two sets in one folder, but takes a raw file before its compressed twin', async () => {
    const directory = await tinySet();
    await writeSplit(directory, 'train', [1], { suffix: '.gz' });
    expect((await loadMnist({ directory })).train.count).toBe(6);
    await cp(
      join(directory, 'train-images-idx3-ubyte'),
      join(directory, 'emnist-digits-train-images-idx3-ubyte'),
    );
    await refused(
      directory,
      'emnist-digits-train-images-idx3-ubyte and train-images-idx3-ubyte are both there',
    );
  });
});
