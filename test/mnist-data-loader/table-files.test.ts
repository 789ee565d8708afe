import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { checkMnist, loadMnist } from '../../src/mnist-data-loader/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { storedZip, zip } from '../helpers/zip.ts';

const names = ['label', ...Array.from({ length: 4 }, (_, pixel) => `pixel${pixel}`)];
const rows = Array.from({ length: 20 }, (_, row) => [row % 2, row, 2 * row, 100 + row, 255 - row]);
const text = (lines: readonly (readonly unknown[])[], end = '\n') =>
  `${lines.map((line) => line.join(',')).join(end)}${end}`;

/** A NumPy array (numpy.lib.format, version 1.0). */
function npy(type: string, shape: readonly number[], values: Uint8Array, order = 'False'): Buffer {
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const fields = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': ${tuple}, }`;
  const header = `${fields.padEnd(117)}\n`;
  const start = Buffer.from(`\x93NUMPY\x01\0${String.fromCharCode(header.length)}\0${header}`, 'latin1');
  return Buffer.concat([start, values]);
}

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

describe('an .npz file', () => {
  const images = Uint8Array.from({ length: 24 }, (_, index) => 10 * index);
  const arrays = {
    'x_train.npy': npy('|u1', [4, 2, 3], images),
    'y_train.npy': npy('<i8', [4], new Uint8Array(BigInt64Array.of(0n, 1n, 2n, 1n).buffer)),
    'x_test.npy': npy('>u2', [1, 2, 3], Uint8Array.of(0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6)),
    'y_test.npy': npy('|u1', [1, 1], Uint8Array.of(2)),
    'other.npy': 'ignored',
  };

  test.each([true, false])("is read like Keras' mnist.npz, compressed: %s", async (isDeflated) => {
    const { train, test: own } = await loadMnist({
      directory: await file('mnist.npz', zip(arrays, isDeflated)),
    });
    expect(train).toEqual({
      images,
      labels: Uint8Array.of(0, 1, 2, 1),
      count: 4,
      height: 2,
      width: 3,
      classes: 3,
    });
    expect([[...own.images], [...own.labels]]).toEqual([[1, 2, 3, 4, 5, 6], [2]]);
  });

  test.each([
    ['other arrays', { 'arr_0.npy': 'x' }, 'contains arr_0; expected x_train, y_train, x_test and y_test'],
    ['no training set', { ...arrays, 'y_train.npy': '', 'x_train.npy': '' }, 'x_train: not a NumPy array'],
    [
      'color images',
      { ...arrays, 'x_train.npy': npy('|u1', [2, 2, 2, 3], images) },
      'x_train: has shape [2, 2, 2, 3]',
    ],
    [
      'fractions',
      { ...arrays, 'x_test.npy': npy('<f4', [1, 1, 1], new Uint8Array(Float32Array.of(0.5).buffer)) },
      'multiply by 255',
    ],
    [
      'labels above 255',
      { ...arrays, 'y_test.npy': npy('<u2', [1], Uint8Array.of(0, 1)) },
      'value 256 at position 0',
    ],
    ['Fortran order', { ...arrays, 'x_train.npy': npy('|u1', [4, 2, 3], images, 'True') }, 'Fortran order'],
    ['objects', { ...arrays, 'x_train.npy': npy('|O', [4], images) }, "values are of type '|O'"],
    ['a shape of other size', { ...arrays, 'x_train.npy': npy('|u1', [9e15, 9e15, 9], images) }, 'takes'],
    [
      'a header of other size',
      { ...arrays, 'x_train.npy': Buffer.from('\x93NUMPY\x01\0\xff\xff{}', 'latin1') },
      'the header states',
    ],
  ])('is rejected with %s', async (_, content, message) => {
    const path = await file('mnist.npz', storedZip(content));
    await expect(loadMnist({ directory: path })).rejects.toThrow(DataError);
    await expect(loadMnist({ directory: path })).rejects.toThrow(message);
  });

  test('is rejected if it is damaged', async () => {
    const bytes = zip(arrays, true);
    for (const size of [4, 60, bytes.length - 10]) {
      const path = await file('mnist.npz', bytes.subarray(0, size));
      await expect(loadMnist({ directory: path })).rejects.toThrow(/damaged .npz file/);
    }
    const changed = Buffer.from(bytes);
    changed.fill(0xff, 60, 90);
    await expect(loadMnist({ directory: await file('mnist.npz', changed) })).rejects.toThrow(DataError);
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

test('data import writes IDX files from a CSV and an .npz file', async () => {
  const path = await file('train.csv', text([names, ...rows]));
  const cwd = await temporaryFolder();
  const { code, out } = await runCommand(cwd, sh`data import ${path} --test-fraction 0.5 --out own`);
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/images +10 +10/) });
  const { code: second, out: json } = await runCommand(cwd, sh`data --data ${path} --json`);
  expect([second, JSON.parse(json).train.count]).toEqual([0, 16]);
});
