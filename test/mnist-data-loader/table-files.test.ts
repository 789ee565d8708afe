import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { checkMnist, loadMnist } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { storedZip } from '../helpers/zip.ts';

const names = ['label', ...Array.from({ length: 4 }, (_, pixel) => `pixel${pixel}`)];
const rows = Array.from({ length: 20 }, (_, row) => [row % 2, row, 2 * row, 100 + row, 255 - row]);
const text = (lines: readonly (readonly unknown[])[], end = '\n') =>
  `${lines.map((line) => line.join(',')).join(end)}${end}`;

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

describe('a CSV file', () => {
  test("is read like Kaggle's train.csv, with a fifth of each label as the test set", async () => {
    const path = await file('train.csv', text([names, ...rows]));
    const { train, test: held, isSplit, directory } = await loadMnist({ directory: path });
    expect({ isSplit, directory }).toEqual({ isSplit: true, directory: path });
    expect([train.count, held.count, train.height, train.width, train.classes]).toEqual([16, 4, 2, 2, 2]);
    const found = [train, held].flatMap(({ images, labels }) =>
      [...labels].map((label, row) => [label, ...images.subarray(4 * row, 4 * row + 4)]),
    );
    expect(found.toSorted((a, b) => a[1]! - b[1]!)).toEqual(rows);
    expect(await loadMnist({ directory: path })).toEqual({
      train,
      test: held,
      isSplit,
      directory,
      published: false,
    });
  });

  test.each([
    ['without names', text(rows)],
    [
      'with CRLF, quotes, spaces and a byte order mark',
      `\ufeff"label",a,b,c,d\r\n${text(rows, '\r\n').replaceAll(',', ', ')}`,
    ],
    [
      'with the label last',
      text([[...names.slice(1), 'class'], ...rows.map(([label, ...pixels]) => [...pixels, label])]),
    ],
    [
      'with decimal points and no last line break',
      text([names, ...rows.map((row) => row.map((value) => `${value}.0`))]).trimEnd(),
    ],
  ])('is read %s', async (_, content) => {
    const whole = await loadMnist({ directory: await file('mnist_train.csv', text([names, ...rows])) });
    const { train, test: held } = await loadMnist({ directory: await file('x.csv', content) });
    expect([train, held]).toEqual([whole.train, whole.test]);
  });

  test('has its test set in the file of the same name, if that has labels', async () => {
    const path = await file('mnist_train.csv', text([names, ...rows]));
    await writeFile(
      path.replace('train', 'test'),
      text([names.slice(1), ...rows.map((row) => row.slice(1))]),
    );
    expect((await loadMnist({ directory: path })).test.count).toBe(4);
    await writeFile(path.replace('train', 'test'), text([names, rows[3]!, rows[5]!]));
    const { train, test: own } = await loadMnist({ directory: path });
    expect([train.count, own.count]).toEqual([20, 2]);
    const { test: alone, train: none } = await checkMnist(path.replace('train', 'test'));
    expect([alone?.dataset.count, none]).toEqual([2, undefined]);
  });

  test('is divided by the given fraction and seed', async () => {
    const path = await file('train.csv', text([names, ...rows]));
    const heldOut = (fraction: number, seed: number) =>
      loadMnist({ directory: path, heldOut: { fraction, seed } }).then(({ train, test: held }) => {
        expect(train.count + held.count).toBe(20);
        return [...held.images];
      });
    expect(await heldOut(0.5, 1)).toHaveLength(40);
    expect(await heldOut(0.5, 1)).toEqual(await heldOut(0.5, 1));
    expect(await heldOut(0.5, 1)).not.toEqual(await heldOut(0.5, 2));
    const { test: byDefault } = await loadMnist({ directory: path });
    expect([...byDefault.images]).toEqual(await heldOut(0.2, 0));
  });

  test.each([
    ['a value above 255', text([names, [1, 2, 3, 4, 256]]), 'line 2, column 5: above 255'],
    ['a fraction', text([names, [1, 2, 0.5, 4, 5]]), "line 2, column 3: '5' is not a whole number"],
    ['a word', text([names, rows[0]!, [1, 2, 'NaN', 4, 5]]), "line 3, column 3: 'NaN' is not a whole number"],
    ['a negative value', text([names, [1, -2, 3, 4, 5]]), "line 2, column 2: '-2' is not a whole number"],
    ['an empty value', text([names, [1, '', 3, 4, 5]]), 'line 2, column 2: has no value'],
    ['a short line', text([names, [1, 2, 3]]), 'line 2, column 4: the line has 3 columns, not 5'],
    ['a long line', text([names, [1, 2, 3, 4, 5, 6]]), 'line 2, column 6: the line has more than 5 columns'],
    ['no labels', text([names.slice(1), rows[0]!.slice(1)]), 'has no labels (4 columns, all of them pixels)'],
    ['no images', text([names]), 'contains no images'],
    ['another table', 'PassengerId,Survived\n1,0\n', 'neither IDX, CSV nor .npz'],
    ['no text', '', 'neither IDX, CSV nor .npz'],
  ])('is rejected with %s', async (_, content, message) => {
    const path = await file('train.csv', content);
    await expect(loadMnist({ directory: path })).rejects.toThrow(DataError);
    await expect(loadMnist({ directory: path })).rejects.toThrow(`${path}: ${message}`);
  });
});

test.each([
  ['data.zip', storedZip({ a: 'b' }), 'a zip archive; unpack it'],
  ['data.parquet', 'PAR1....', 'a Parquet file; convert it'],
  ['data.gz', gzipSync('x'), 'a gzip file; unpack it'],
  ['photo.png', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'a PNG picture'],
  ['notes.txt', 'hello\n', 'neither IDX, CSV nor .npz'],
])('%s is rejected by its format', async (name, content, message) => {
  const path = await file(name, content);
  await expect(loadMnist({ directory: path })).rejects.toThrow(`${path}: ${message}`);
});
