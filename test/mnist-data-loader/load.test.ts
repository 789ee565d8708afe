import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { countByLabel } from '../../src/data/index.ts';
import { DataError } from '../../src/errors.ts';
import { checkMnist, findMnist, loadMnist, loadSplit, writeIdx } from '../../src/mnist-data-loader/index.ts';
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

  test('prefers data/ in the working directory to the package, and a given folder to both', async () => {
    const cwd = await temporaryFolder();
    await cp(await tinySet(), join(cwd, 'data'), { recursive: true });
    await cp(await tinySet({ height: 5 }), join(cwd, 'other', 'MNIST', 'raw'), { recursive: true });
    expect((await loadMnist({ cwd })).train.height).toBe(3);
    const named = await loadMnist({ cwd, directory: 'other' });
    expect(named.train.height).toBe(5);
    expect(named.directory).toBe(join(cwd, 'other', 'MNIST', 'raw'));
  });

  test('loads any size and number of classes, and reports that it is not the published MNIST', async () => {
    for (const suffix of ['', '.gz']) {
      const directory = await tinySet({ height: 4, width: 5, suffix });
      const { train, test, published } = await loadMnist({ directory });
      expect(train).toMatchObject({ count: 6, height: 4, width: 5, classes: 3 });
      expect([...test.labels]).toEqual([2, 1, 0]);
      expect([...test.images.subarray(20, 23)]).toEqual([7, 8, 9]);
      expect(published).toBe(false);
    }
  });

  test('gives both sets the number of classes of the larger one', async () => {
    const directory = await tinySet();
    await writeSplit(directory, 't10k', [0, 4]);
    const { train, test } = await loadMnist({ directory });
    expect([train.classes, test.classes]).toEqual([5, 5]);
  });

  test('returns the SHA-256 of each file, uncompressed', async () => {
    const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    const [raw, packed] = [await tinySet(), await tinySet({ suffix: '.gz' })];
    for (const directory of [raw, packed]) {
      const { digests, files } = await loadSplit(await findMnist(directory), 'train');
      expect(digests).toEqual({
        images: sha256(await readFile(join(raw, 'train-images-idx3-ubyte'))),
        labels: sha256(await readFile(join(raw, 'train-labels-idx1-ubyte'))),
      });
      expect(files.images).toMatch(directory);
    }
  });

  test('does not report a data set with one changed pixel as published', async () => {
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

test.for([
  ['data', "options: must be an object ('data')"],
  [{ directory: 1 }, 'directory: must be a string (1)'],
] as const)('loadMnist(%j) is an error', async ([options, message]) => {
  await expect(loadMnist(options as never)).rejects.toThrow(message);
});

describe('files that do not fit together', () => {
  const expectRejected = async (directory: string, message: string, classes?: number) => {
    await expect(loadMnist({ directory, classes })).rejects.toThrowError(DataError);
    await expect(loadMnist({ directory, classes })).rejects.toThrowError(message);
  };

  test('rejects different numbers of images and labels', async () => {
    const directory = await tinySet();
    await writeIdx(join(directory, 'train-labels-idx1-ubyte'), { shape: [5], values: new Uint8Array(5) });
    await expectRejected(directory, 'train-labels-idx1-ubyte: 5 labels do not fit the 6 images of');
  });

  test.each(['images-idx3', 'labels-idx1'])('rejects every other length and count of %s', async (kind) => {
    const directory = await tinySet();
    const path = join(directory, `train-${kind}-ubyte`);
    const whole = await readFile(path);
    const otherCounts = Array.from({ length: 16 }, (_, count) => count).filter((count) => count !== 6);
    const damaged = [
      ...Array.from(whole, (_, length) => whole.subarray(0, length)),
      Buffer.concat([whole, Buffer.alloc(1)]),
      ...[...otherCounts, 2 ** 31, 2 ** 32 - 1].map((count) => {
        const bytes = Buffer.from(whole);
        bytes.writeUInt32BE(count, 4);
        return bytes;
      }),
    ];
    expect((await checkMnist(directory)).errors).toEqual([]);
    for (const end of ['', '.gz']) {
      await rm(path, { force: true });
      for (const bytes of damaged) {
        await writeFile(`${path}${end}`, end ? gzipSync(bytes) : bytes);
        const { errors, train } = await checkMnist(directory);
        expect(errors, `${bytes.length} bytes, ${bytes.toString('hex', 0, 8)}`).toHaveLength(1);
        expect(train).toBeUndefined();
      }
    }
  });

  test('rejects labels outside the classes, with the row', async () => {
    await expectRejected(
      await tinySet(),
      'train-labels-idx1-ubyte: label 2 in row 2 is outside the 2 classes (0 to 1)',
      2,
    );
  });

  test('rejects images for labels, labels for images, and files without images', async () => {
    const directory = await tinySet();
    const labels = join(directory, 'train-labels-idx1-ubyte');
    await writeIdx(labels, { shape: [6, 1], values: new Uint8Array(6) });
    await expectRejected(directory, 'train-labels-idx1-ubyte: has 2 dimensions, labels have 1');
    await writeIdx(join(directory, 'train-images-idx3-ubyte'), { shape: [6], values: new Uint8Array(6) });
    await expectRejected(directory, 'train-images-idx3-ubyte: has 1 dimensions, images have 3');
    await writeSplit(directory, 'train', []);
    await expectRejected(directory, 'train-images-idx3-ubyte: contains no images (shape [0, 3, 2])');
  });

  test('rejects a test set of another image size', async () => {
    const directory = await tinySet();
    await writeSplit(directory, 't10k', [1], { height: 9 });
    await expectRejected(directory, 't10k-images-idx3-ubyte: images are 9x2, those of the training set 3x2');
  });

  test('names the missing file and the folder', async () => {
    const directory = await tinySet();
    await rm(join(directory, 't10k-labels-idx1-ubyte'));
    await expectRejected(directory, 't10k-images-idx3-ubyte has no labels file; add that file');
    await rm(join(directory, 't10k-images-idx3-ubyte'));
    await expectRejected(directory, 'no test set; add t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte');
    await expectRejected(join(directory, 'no'), 'no: cannot be read: no such file or folder');
    await mkdir(join(directory, 'empty'));
    await expectRejected(join(directory, 'empty'), 'empty: no IDX files found; add train-images-idx3-ubyte');
  });

  test('rejects two data sets in one folder, but prefers a raw file to its compressed form', async () => {
    const directory = await tinySet();
    await writeSplit(directory, 'train', [1], { suffix: '.gz' });
    expect((await loadMnist({ directory })).train.count).toBe(6);
    await cp(
      join(directory, 'train-images-idx3-ubyte'),
      join(directory, 'emnist-digits-train-images-idx3-ubyte'),
    );
    await expectRejected(
      directory,
      'several files hold images (emnist-digits-train-images-idx3-ubyte, train-images-idx3-ubyte)',
    );
  });
});
