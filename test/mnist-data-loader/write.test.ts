import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { loadMnist, writeMnist } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tinySet } from '../helpers/tiny-set.ts';

const NAMES = [
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
];
const packed = NAMES.map((name) => `${name}.gz`);

describe('writeMnist', () => {
  test.each([false, true])('writes the files that loadMnist reads, compressed: %s', async (gzip) => {
    const source = await tinySet();
    const sets = await loadMnist({ directory: source });
    const directory = join(await temporaryFolder(), 'a', 'b');
    const paths = await writeMnist(directory, sets, { gzip });
    const names = gzip ? packed : NAMES;
    expect(paths.toSorted()).toEqual(names.map((name) => join(directory, name)));
    expect((await readdir(directory)).sort()).toEqual(names);
    expect(await loadMnist({ directory })).toEqual({ ...sets, directory });
    for (const [index, name] of names.entries()) {
      const stored = await readFile(join(directory, name));
      expect(gzip ? gunzipSync(stored) : stored).toEqual(await readFile(join(source, NAMES[index]!)));
    }
  });

  test('replaces files only with overwrite, also if only one of them is compressed', async () => {
    const directory = await tinySet();
    await writeFile(join(directory, 'README'), 'kept');
    const { train, test: own } = await loadMnist({ directory });
    for (const gzip of [false, true]) {
      const writing = writeMnist(directory, { train }, { gzip });
      await expect(writing).rejects.toThrow(UsageError);
      await expect(writing).rejects.toThrow(
        /train-(images-idx3|labels-idx1)-ubyte: the file already exists$/,
      );
    }
    await writeMnist(
      directory,
      { train: { ...train, labels: Uint8Array.of(1, 1, 1, 1, 1, 1) } },
      {
        gzip: true,
        overwrite: true,
      },
    );
    const names = ['README', ...NAMES.slice(0, 2), ...packed.slice(2)];
    expect((await readdir(directory)).sort()).toEqual(names);
    expect([...(await loadMnist({ directory })).train.labels]).toEqual([1, 1, 1, 1, 1, 1]);
    await writeMnist(directory, { train, test: own }, { overwrite: true });
    expect((await readdir(directory)).sort()).toEqual(['README', ...NAMES]);
    expect((await loadMnist({ directory })).train).toEqual(train);
  });

  test('adds a set to a folder that has the other one', async () => {
    const { train, test: own } = await loadMnist({ directory: await tinySet() });
    const directory = await temporaryFolder();
    expect(await writeMnist(directory, { test: own })).toHaveLength(2);
    expect(await writeMnist(directory, { train })).toHaveLength(2);
    expect((await loadMnist({ directory })).train).toEqual(train);
  });

  test('reports a place where it cannot write', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    const { test: own } = await loadMnist({ directory: await tinySet() });
    await expect(writeMnist(join(file, 'x'), { test: own })).rejects.toThrow(DataError);
    await expect(writeMnist(join(file, 'x'), { test: own })).rejects.toThrow('x: cannot be written: ');
  });
});
