import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parsePng } from '../../src/pictures/index.ts';
import { readReport } from '../../src/report/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { picture, writePicture } from '../helpers/pictures.ts';
import { keptFolder } from '../helpers/temporary.ts';
import { writeSplit } from '../helpers/tiny-set.ts';

/** A folder with a set of 10x10 images, and a run `base` trained on it. */
let cwd: string;
const SIZE = { height: 10, width: 10 };
const TEST_IMAGES = 't10k-images-idx3-ubyte';

const run = (argv: readonly string[]) => runCommand(cwd, argv);

beforeAll(async () => {
  cwd = await keptFolder();
  await writeSplit(cwd, 'train', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], SIZE);
  await writeSplit(cwd, 't10k', [0, 1, 2, 0, 1, 2, 9, 9], SIZE);
  const argv = sh`pretrain --steps 12 --batch-size 5 --data . --tensorboard log --out base --quiet`;
  expect(await run(argv)).toMatchObject({ code: 0, err: '' });
});

describe('predict', () => {
  test('predicts the same classes for IDX rows as eval', async () => {
    const { code, out } = await run(sh`predict ${TEST_IMAGES} --model base --json`);
    expect(code).toBe(0);
    const { predictions } = JSON.parse(out) as {
      predictions: { row: number; className: string; confidence: number; probabilities: number[] }[];
    };
    const { evaluation } = await readReport(join(cwd, 'base', 'report.json'));
    expect(predictions.map(({ className }) => Number(className))).toEqual([...evaluation.predictions]);
    for (const [row, { confidence, probabilities }] of predictions.entries()) {
      expect(confidence).toBeCloseTo(evaluation.confidences[row]!, 5);
      expect(probabilities.reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
    }
  });

  test('classifies PNG files and rows together, and writes the normalized images', async () => {
    const drawing = picture(50, 70, (x, y) => (x > 20 && x < 24 && y > 10 && y < 60 ? 0 : 255));
    await writePicture(join(cwd, 'one.png'), drawing);
    const { code, out } = await run(
      sh`predict one.png ${TEST_IMAGES} --rows 6,0 --prepared seen --top 1 --model base`,
    );
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['one.png', expect.stringMatching(/^\d$/)],
      [TEST_IMAGES, 'row 6'],
      [TEST_IMAGES, 'row 0'],
    ]);
    const names = await readdir(join(cwd, 'seen'));
    expect(names.sort()).toEqual(['0-one.png', `1-${TEST_IMAGES}-row-6.png`, `2-${TEST_IMAGES}-row-0.png`]);
    const seen = parsePng(await readFile(join(cwd, 'seen', '0-one.png')), 'seen');
    expect([seen.width, seen.height]).toEqual([10, 10]);
    expect(await run(sh`predict one.png --rows 0 --model base`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/rows: none of the files is an IDX file/),
    });
    const inked = Array.from({ length: 100 }, (_, pixel) => seen.data[4 * pixel]!).filter(
      (shade) => shade > 0,
    );
    expect(inked.length).toBe(7);
  });

  test('prints one line for an unsupported file or a missing run', async () => {
    expect(await run(sh`predict base/run.json --model base`)).toEqual({
      code: 3,
      out: '',
      err: expect.stringMatching(/^error: .*run.json: not an IDX file \(magic 7b0a2020\); .*$/),
    });
    expect((await run(sh`predict ${TEST_IMAGES} --rows 8 --model base`)).code).toBe(2);
    expect((await run(sh`predict ${TEST_IMAGES} --model nowhere`)).code).toBe(4);
  });
});

describe('eval --mistakes', () => {
  test('writes each misclassified image into the folder of its digit', async () => {
    const argv = sh`eval base --data . --mistakes wrong`;
    const { code, err } = await run(argv);
    expect(code).toBe(0);
    expect(err).toMatch(/^wrote \d+ misclassified images to wrong$/m);
    expect(await run(argv)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/wrong: the folder is not empty/),
    });
    const { labels, predictions } = (await readReport(join(cwd, 'base', 'report.json'))).evaluation;
    const expected = [...labels].flatMap((label, row) =>
      predictions[row] === label ? [] : [`${label}/${row}-predicted-${predictions[row]}.png`],
    );
    expect(expected.length).toBeGreaterThan(0);
    const files = await readdir(join(cwd, 'wrong'), { recursive: true });
    expect(files.filter((file) => file.endsWith('.png')).sort()).toEqual(expected.sort());
  });
});

describe('--tensorboard', () => {
  test('writes one file with losses and one with accuracies', async () => {
    const names = await readdir(join(cwd, 'log'));
    const files = await Promise.all(names.sort().map((name) => readFile(join(cwd, 'log', name), 'latin1')));
    expect(files.map((file) => [...file.matchAll(/loss/g)].length)).toEqual([12, 0]);
    expect(files.map((file) => [...file.matchAll(/accuracy/g)].length)).toEqual([0, 5]);
  });
});
