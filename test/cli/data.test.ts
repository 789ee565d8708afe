import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadMnist, writeIdx } from '../../src/mnist-data-loader/index.ts';
import { runCommand } from '../helpers/command.ts';
import { picture, writePicture } from '../helpers/pictures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tinySet, writeSplit } from '../helpers/tiny-set.ts';

const run = (argv: string[], cwd: string) => runCommand(cwd, argv);

describe('data', () => {
  test('shows counts, size, labels and digests of the files it found', async () => {
    const folder = await tinySet();
    const { code, out } = await run(['data', '--data', folder], '/');
    expect(code).toBe(0);
    const lines = out.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(lines[0]).toBe(`${folder}: not the published MNIST`);
    expect(lines).toEqual(expect.arrayContaining(['images 6 3', 'size 3x2 3x2', 'label 2 2 1']));
    expect(out).toMatch(/^sha256 [0-9a-f]{64} {2}.*t10k-labels-idx1-ubyte$/m);
  });

  test('prints the same as one JSON document', async () => {
    const folder = await tinySet();
    const { out } = await run(['data', '--json', '--data', '.'], folder);
    expect(JSON.parse(out)).toMatchObject({
      format: 'tfjs-lora data',
      formatVersion: 1,
      directory: folder,
      published: false,
      train: { count: 6, height: 3, width: 2, classes: 3, perLabel: [2, 2, 2], published: false },
      test: { images: join(folder, 't10k-images-idx3-ubyte'), perLabel: [1, 1, 1] },
    });
  });

  test('exits 3 with one line when a file is damaged or nothing is there', async () => {
    const folder = await tinySet();
    await truncate(join(folder, 't10k-images-idx3-ubyte'), 20);
    expect(await run(['data', '--data', folder], '/')).toEqual({
      code: 3,
      out: '',
      err: `error: ${folder}/t10k-images-idx3-ubyte: file is truncated (the header states 34 bytes, there are 20); download it again`,
    });
    expect((await run(['data', '--data', 'nowhere'], folder)).code).toBe(3);
  });
});

describe('data check', () => {
  test('finds nothing wrong with a good set', async () => {
    const { code, out } = await run(['data', 'check', '.'], await tinySetOfDistinctImages());
    expect(out).toMatch(/\nnothing wrong found$/);
    expect(code).toBe(0);
  });

  test('lists everything suspicious', async () => {
    const folder = await tinySetOfDistinctImages();
    await writeSplit(folder, 't10k', [0, 2]);
    await writeIdx(join(folder, 'train-images-idx3-ubyte'), {
      shape: [3, 3, 2],
      values: Uint8Array.of(0, 1, 2, 3, 4, 5, 1, 1, 1, 1, 1, 1, 5, 5, 5, 5, 5, 5),
    });
    const { code, out } = await run(['data', 'check', '--json', '.'], folder);
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

  test('notices pixels that were scaled to 0..1', async () => {
    const folder = await temporaryFolder();
    await writeIdx(join(folder, 'train-images-idx3-ubyte'), {
      shape: [1, 1, 2],
      values: Uint8Array.of(0, 1),
    });
    await writeIdx(join(folder, 'train-labels-idx1-ubyte'), { shape: [1], values: Uint8Array.of(0) });
    const { out } = await run(['data', 'check', folder], '/');
    expect(out).toContain('train: no pixel is above 1');
    expect(out).toContain('test: is missing; nothing can be evaluated');
  });

  test('goes on behind a bad set, and exits 3 after all was said', async () => {
    const folder = await tinySetOfDistinctImages();
    await writeFile(join(folder, 'train-images-idx3-ubyte'), '');
    await writeFile(join(folder, 't10k-labels-idx1-ubyte'), 'text');
    const { code, out, err } = await run(['data', 'check', folder], '/');
    expect(out).toContain(`unusable  ${folder}/train-images-idx3-ubyte: file is empty`);
    expect(out).toContain(`unusable  ${folder}/t10k-labels-idx1-ubyte: not an IDX file`);
    expect(err).toBe(`error: ${folder}: cannot be used (2 problems, see above)`);
    expect(code).toBe(3);
  });

  test('calls sets of different image sizes unusable together', async () => {
    const folder = await tinySetOfDistinctImages();
    await writeSplit(folder, 't10k', [0, 1, 2], { height: 4 });
    const { code, out } = await run(['data', 'check', folder], '/');
    expect(out).toContain('images to train on are 3x2, those to test 4x2');
    expect(code).toBe(3);
  });
});

describe('data subset', () => {
  test('writes the chosen labels and counts, the same for the same seed', async () => {
    const cwd = await temporaryFolder();
    const draw = (out: string, seed: number) =>
      run(
        [
          'data',
          'subset',
          '--digits',
          '3,8',
          '--count',
          '20',
          '--test-count',
          '5',
          '--seed',
          `${seed}`,
          '--out',
          out,
          '--gzip',
        ],
        cwd,
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

  test('takes pixels and label from the same row', async () => {
    const folder = await tinySet();
    await run(['data', 'subset', '--data', folder, '--digits', '1', '--out', 'one'], folder);
    const { train } = await loadMnist({ directory: join(folder, 'one') });
    expect([...train.images]).toEqual([7, 8, 9, 10, 11, 12, 28, 29, 30, 31, 32, 33]);
    expect([...train.labels]).toEqual([1, 1]);
  });

  test('keeps the rows in the order they had', async () => {
    const folder = await tinySet();
    await run(['data', 'subset', '--data', folder, '--digits', '0,1', '--out', 'two'], folder);
    const { train } = await loadMnist({ directory: join(folder, 'two') });
    expect([...train.labels]).toEqual([0, 1, 0, 1]);
  });

  test('replaces files only when told to, and leaves no stale twin', async () => {
    const folder = await tinySet();
    const args = ['data', 'subset', '--data', folder, '--out', 'copy'];
    expect((await run(args, folder)).code).toBe(0);
    const refused = await run([...args, '--gzip'], folder);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('the file already exists; use --overwrite, or choose another --out');
    expect((await run([...args, '--gzip', '--overwrite'], folder)).code).toBe(0);
    expect((await readdir(join(folder, 'copy'))).every((name) => name.endsWith('.gz'))).toBe(true);
  });

  test.each([
    [
      ['--digits', '7'],
      2,
      "labels '7': 7 is not one of the 3 classes; list labels from 0 to 2, separated by commas",
    ],
    [['--digits', ''], 2, '--digits: is empty'],
    [['--digits', '2,2'], 2, "labels '2,2': 2 is listed twice; list each label once"],
    [['--count', '0'], 2, 'It must be a whole number of at least 1'],
  ])('refuses %j', async (options, code, message) => {
    const folder = await tinySet();
    const result = await run(['data', 'subset', '--data', folder, '--out', 'x', ...options], folder);
    expect(result.err).toContain(message);
    expect(result.code).toBe(code);
    expect(await readdir(folder)).not.toContain('x');
  });

  test('refuses to write a set without images', async () => {
    const folder = await tinySet();
    await writeSplit(folder, 't10k', [0]);
    const result = await run(['data', 'subset', '--data', folder, '--digits', '2', '--out', 'x'], folder);
    expect(result).toMatchObject({
      code: 3,
      err: `error: ${folder}: has no test image of label 2; choose others`,
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

  test('makes a set of pictures in folders named by label', async () => {
    const folder = await drawings({ 3: 10, 12: 5, notes: 1 });
    const { code, err } = await run(['data', 'import', folder, '--out', 'set'], folder);
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
    expect((await run(['data', 'check', 'set'], folder)).out).toContain('no images of label 0, 1, 2, 4');
  });

  test('refuses what it cannot make a set of', async () => {
    const refused = async (folder: string, message: string) => {
      const { code, err } = await run(['data', 'import', folder, '--out', 'set'], folder);
      expect(err).toContain(message);
      expect(code).toBe(3);
      expect(await readdir(folder)).not.toContain('set');
    };
    await refused(await drawings({ a: 2 }), 'no pictures found; put PNG files into folders named by label');
    await refused(await drawings({ 1: 1 }), '1 pictures make 1 to train on and 0 to test; add pictures');
    const folder = await drawings({ 1: 4 });
    await writeFile(join(folder, '1', 'x.jpg'), '');
    await refused(folder, `${folder}/1/x.jpg: not a PNG file; convert or remove it`);
    const { code, err } = await run(['data', 'import', folder], folder);
    expect([code, err]).toEqual([2, 'error: --out: name the folder for the new files']);
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
