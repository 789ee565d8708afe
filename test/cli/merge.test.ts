import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('merge', () => {
  test('writes a plain model that gives the same predictions', async () => {
    const folder = await temporaryFolder();
    const [tuned, merged] = [join(folder, 'tuned'), join(folder, 'merged')];
    const train = [
      'finetune',
      'base',
      '--digits',
      '2,3',
      '--steps',
      '30',
      '--alpha',
      '8',
      '--out',
      tuned,
      '--json',
    ];
    const report = JSON.parse((await runCommand(cwd, train)).out);
    expect((await runCommand(cwd, ['merge', tuned, '--out', merged])).code).toBe(0);
    expect(await readdir(merged)).toEqual(['model', 'run.json']);
    const evaluated = JSON.parse((await runCommand(cwd, ['eval', merged, '--json'])).out);
    expect(evaluated.evaluation.predictions).toBe(report.evaluation.predictions);
    expect((await runCommand(cwd, ['merge', merged])).code).toBe(4);
  });
});
