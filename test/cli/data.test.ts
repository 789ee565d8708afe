import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadMnist, writeIdx } from '../../src/mnist-data-loader/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { picture, writePicture } from '../helpers/pictures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tinySet, writeSplit } from '../helpers/tiny-set.ts';

describe('data', () => {
  test('shows counts, image size, labels and digests', async () => {
    const folder = await tinySet();
    const { code, out } = await runCommand('/', sh`data --data ${folder}`);
    expect(code).toBe(0);
    const lines = out.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(lines[0]).toBe(`${folder}: not the published MNIST`);
    expect(lines).toEqual(expect.arrayContaining(['images 6 3', 'size 3x2 3x2', 'label 2 2 1']));
    expect(out).toMatch(/^sha256 [0-9a-f]{64} {2}.*t10k-labels-idx1-ubyte$/m);
  });

  test('prints the same as one JSON document', async () => {
    const folder = await tinySet();
    const { out } = await runCommand(folder, sh`data --json --data .`);
    expect(JSON.parse(out)).toMatchObject({
      format: 'tfjs-lora data',
      formatVersion: 1,
      directory: folder,
      published: false,
      train: { count: 6, height: 3, width: 2, classes: 3, perLabel: [2, 2, 2], published: false },
      test: { images: join(folder, 't10k-images-idx3-ubyte'), perLabel: [1, 1, 1] },
    });
  });

  test('exits with code 3 if a file is damaged or missing', async () => {
    const folder = await tinySet();
    await truncate(join(folder, 't10k-images-idx3-ubyte'), 20);
    expect(await runCommand('/', sh`data --data ${folder}`)).toEqual({
      code: 3,
      out: '',
      err: `error: ${folder}/t10k-images-idx3-ubyte: file is truncated (the header states 34 bytes, there are 20); download it again`,
    });
    expect((await runCommand(folder, sh`data --data nowhere`)).code).toBe(3);
  });
});

describe('data check', () => {
  test('finds no problems in a valid data set', async () => {
    const { code, out } = await runCommand(await tinySetOfDistinctImages(), sh`data check .`);
    expect(out).toMatch(/\nno problems found$/);
    expect(code).toBe(0);
  });

  test('warns about likely problems', async () => {
    const folder = await tinySetOfDistinctImages();
    await writeSplit(folder, 't10k', [0, 2]);
    await writeIdx(join(folder, 'train-images-idx3-ubyte'), {
      shape: [3, 3, 2],
      values: Uint8Array.of(0, 1, 2, 3, 4, 5, 1, 1, 1, 1, 1, 1, 5, 5, 5, 5, 5, 5),
    });
    const { code, out } = await runCommand(folder, sh`data check --json .`);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      errors: [],
      warnings: [
        'train: 2 rows (1, 2) are blank (all pixels are equal)',
        'test: no images of label 1',
        'test: row 0 is also in train',
      ],
    });
  });

  test('warns about pixels scaled to 0..1 and a missing test set', async () => {
    const folder = await temporaryFolder();
    await writeIdx(join(folder, 'train-images-idx3-ubyte'), {
      shape: [1, 1, 2],
      values: Uint8Array.of(0, 1),
    });
    await writeIdx(join(folder, 'train-labels-idx1-ubyte'), { shape: [1], values: Uint8Array.of(0) });
    const { out } = await runCommand('/', sh`data check ${folder}`);
    expect(out).toContain('train: no pixel is above 1');
    expect(out).toContain('test: not found; evaluation is not possible');
  });

  test('reports the problems of both sets, then exits with code 3', async () => {
    const folder = await tinySetOfDistinctImages();
    await writeFile(join(folder, 'train-images-idx3-ubyte'), '');
    await writeFile(join(folder, 't10k-labels-idx1-ubyte'), 'text');
    const { code, out, err } = await runCommand('/', sh`data check ${folder}`);
    expect(out).toContain(`error    ${folder}/train-images-idx3-ubyte: file is empty`);
    expect(out).toContain(`error    ${folder}/t10k-labels-idx1-ubyte: not an IDX file`);
    expect(err).toBe(`error: ${folder}: cannot be used (2 problems, see above)`);
    expect(code).toBe(3);
  });

  test('reports image sizes that differ between the sets', async () => {
    const folder = await tinySetOfDistinctImages();
    await writeSplit(folder, 't10k', [0, 1, 2], { height: 4 });
    const { code, out } = await runCommand('/', sh`data check ${folder}`);
    expect(out).toContain('training images are 3x2, test images 4x2');
    expect(code).toBe(3);
  });
});

describe('data subset', () => {
  test('writes the chosen labels and counts, reproducibly by seed', async () => {
    const cwd = await temporaryFolder();
    const draw = (out: string, seed: number) =>
      runCommand(
        cwd,
        sh`data subset --digits 3,8 --count 20 --test-count 5 --seed ${seed} --out ${out} --gzip`,
      );
    const { code, out } = await draw('a', 1);
    expect(code).toBe(0);
    expect(out).toContain('not the published MNIST');
    await draw('b', 1);
    await draw('c', 2);
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((directory) => loadMnist({ cwd, directory })));
    expect([...a!.train.labels].toSorted()).toEqual([...new Array(20).fill(3), ...new Array(20).fill(8)]);
    expect(a!.test.count).toBe(10);
    expect(b).toEqual({ ...a, directory: join(cwd, 'b') });
    expect(c!.train.images).not.toEqual(a!.train.images);
  });

  test('keeps the pixels and label of a row together', async () => {
    const folder = await tinySet();
    await runCommand(folder, sh`data subset --data ${folder} --digits 1 --out one`);
    const { train } = await loadMnist({ directory: join(folder, 'one') });
    expect([...train.images]).toEqual([7, 8, 9, 10, 11, 12, 28, 29, 30, 31, 32, 33]);
    expect([...train.labels]).toEqual([1, 1]);
  });

  test('keeps the order of the rows', async () => {
    const folder = await tinySet();
    await runCommand(folder, sh`data subset --data ${folder} --digits 0,1 --out two`);
    const { train } = await loadMnist({ directory: join(folder, 'two') });
    expect([...train.labels]).toEqual([0, 1, 0, 1]);
  });

  test('replaces files only with --overwrite, also if they were not compressed', async () => {
    const folder = await tinySet();
    const argv = sh`data subset --data ${folder} --out copy`;
    expect((await runCommand(folder, argv)).code).toBe(0);
    const refused = await runCommand(folder, [...argv, '--gzip']);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('the file already exists; use --overwrite, or choose another --out');
    expect((await runCommand(folder, [...argv, '--gzip', '--overwrite'])).code).toBe(0);
    expect((await readdir(join(folder, 'copy'))).every((name) => name.endsWith('.gz'))).toBe(true);
  });

  test.each([
    [sh`--digits 7`, 2, 'label 7: not one of the 3 classes, 0 to 2; choose others with --digits'],
    [sh`--digits ""`, 2, 'the list is empty'],
    [sh`--digits 2,2`, 2, "labels '2,2': 2 is listed twice; list each label once"],
    [sh`--count 0`, 2, 'It must be a whole number of at least 1'],
  ])('rejects %j', async (options, code, message) => {
    const folder = await tinySet();
    const result = await runCommand(folder, sh`data subset --data ${folder} --out x ${options}`);
    expect(result.err).toContain(message);
    expect(result.code).toBe(code);
    expect(await readdir(folder)).not.toContain('x');
  });

  test('does not write a data set without images', async () => {
    const folder = await tinySet();
    await writeSplit(folder, 't10k', [0]);
    const result = await runCommand(folder, sh`data subset --data ${folder} --digits 2 --out x`);
    expect(result).toMatchObject({
      code: 3,
      err: `error: ${folder}: no test images of label 2; choose other labels`,
    });
  });
});

describe('data import', () => {
  /** Bars of width 2 + number at any place of a picture. */
  async function drawings(counts: Readonly<Record<string, number>>): Promise<string> {
    const folder = await temporaryFolder();
    for (const [label, count] of Object.entries(counts)) {
      await mkdir(join(folder, label));
      for (let number = 0; number < count; number++) {
        const bar = picture(40, 30, (x, y) => (x > 9 && x < 12 + number && y > 5 && y < 25 ? 0 : 255));
        await writePicture(join(folder, label, `${number}.png`), bar);
      }
    }
    return folder;
  }

  test('makes a data set from PNG files in folders named by label', async () => {
    const folder = await drawings({ 3: 10, 12: 5, notes: 1 });
    const { code, err } = await runCommand(folder, sh`data import ${folder} --out set`);
    expect(err).toBe('');
    expect(code).toBe(0);
    const { train, test } = await loadMnist({ cwd: folder, directory: 'set' });
    expect([...train.labels]).toEqual([...new Array(8).fill(3), ...new Array(4).fill(12)]);
    expect([...test.labels]).toEqual([3, 3, 12]);
    expect([train.height, train.width, train.classes]).toEqual([28, 28, 13]);
    const widths = [train, test].flatMap(({ images, count }) =>
      Array.from({ length: count }, (_, row) =>
        images.subarray(784 * row + 14 * 28, 784 * row + 15 * 28),
      ).map((line) => line.filter((shade) => shade > 0).length),
    );
    expect(new Set(widths).size).toBeGreaterThan(5);
    expect((await runCommand(folder, sh`data check set`)).out).toContain('no images of label 0, 1, 2, 4');
  });

  test('rejects folders that do not make a data set', async () => {
    const refused = async (folder: string, message: string) => {
      const { code, err } = await runCommand(folder, sh`data import ${folder} --out set`);
      expect(err).toContain(message);
      expect(code).toBe(3);
      expect(await readdir(folder)).not.toContain('set');
    };
    await refused(await drawings({ a: 2 }), 'no pictures found; put PNG files into folders named by label');
    await refused(await drawings({ 1: 1 }), '1 PNG files are split into 1 for training and 0 for testing');
    const folder = await drawings({ 1: 4 });
    await writeFile(join(folder, '1', 'x.jpg'), '');
    await refused(folder, `${folder}/1/x.jpg: not a PNG file; convert or remove it`);
    const { code, err } = await runCommand(folder, sh`data import ${folder}`);
    expect([code, err]).toEqual([2, 'error: --out is missing; name the folder for the new files']);
  });
});

/** `tinySet`, whose test images differ from those to train on. */
async function tinySetOfDistinctImages(): Promise<string> {
  const folder = await tinySet();
  await writeIdx(join(folder, 'train-images-idx3-ubyte'), {
    shape: [3, 3, 2],
    values: Uint8Array.from({ length: 18 }, (_, index) => 100 + index),
  });
  await writeIdx(join(folder, 'train-labels-idx1-ubyte'), { shape: [3], values: Uint8Array.of(0, 1, 2) });
  return folder;
}

test('data import writes IDX files from a CSV file', async () => {
  const cwd = await temporaryFolder();
  const rows = Array.from({ length: 20 }, (_, row) => [row % 2, row, 2 * row, 100 + row, 255 - row].join());
  await writeFile(join(cwd, 'train.csv'), ['label,a,b,c,d', ...rows].join('\n'));
  const { code, out } = await runCommand(cwd, sh`data import train.csv --test-fraction 0.5 --out own`);
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/images +10 +10/) });
  const { code: second, out: json } = await runCommand(cwd, sh`data --data train.csv --json`);
  expect([second, JSON.parse(json).train.count]).toEqual([0, 16]);
});
