import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { readGuard, writeGuard } from '../../src/runs/guard-files.ts';
import type { GuardHistory } from '../../src/training/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const history: GuardHistory = {
  checks: [0, 20].map((step) => ({
    step,
    counts: [
      { support: 50, errors: step },
      { support: 40, errors: 3 },
    ],
  })),
  best: {
    step: 20,
    weights: new Map([['dense/kernel', Float32Array.of(1, 2, 3)]]),
    slots: new Map([['m/dense/kernel', Float32Array.of(4, 5, 6)]]),
  },
};

describe('the history of a guard', () => {
  test('is read as it was written', async () => {
    const folder = join(await temporaryFolder(), 'state');
    await writeGuard(folder, history);
    expect(await readGuard(folder)).toEqual(history);
  });

  test('is undefined if the folder has none', async () => {
    expect(await readGuard(await temporaryFolder())).toBeUndefined();
  });

  test.each([
    ['unrelated JSON', '{"checks": []}', /guard.json: support: missing; the file is damaged/],
    [
      'another number of classes',
      '{"support": [1], "checks": [{"step": 0, "errors": [1, 1]}]}',
      /checks.0: has 2 classes, support has 1/,
    ],
    [
      'more errors than examples',
      '{"support": [1, 2], "checks": [{"step": 0, "errors": [1, 3]}]}',
      /checks.0.errors.1: must be at most 2 \(3\)/,
    ],
    [
      'checks that do not ascend',
      '{"support": [1], "checks": [{"step": 20, "errors": [1]}, {"step": 20, "errors": [1]}]}',
      /checks.1.step: must be above 20 \(20\)/,
    ],
    [
      'no check of the best state',
      '{"support": [1], "checks": [{"step": 0, "errors": [1]}]}',
      /none of its checks is of step 20, that of best.safetensors/,
    ],
    ['text', '{', /guard.json: not valid JSON/],
  ])('is rejected if guard.json holds %s', async (_, text, message) => {
    const folder = await temporaryFolder();
    await writeGuard(folder, history);
    expect(JSON.parse(await readFile(join(folder, 'guard.json'), 'utf8')).support).toEqual([50, 40]);
    await writeFile(join(folder, 'guard.json'), text);
    await expect(readGuard(folder)).rejects.toThrow(CheckpointError);
    await expect(readGuard(folder)).rejects.toThrow(message);
  });
});
