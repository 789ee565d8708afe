import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('merge writes a plain model with the same predictions', async () => {
  const cwd = await workplaceWithBase();
  const folder = await temporaryFolder();
  const [tuned, merged] = [join(folder, 'tuned'), join(folder, 'merged')];
  const train = sh`finetune base --digits 2,3 --steps 30 --alpha 8 --out ${tuned} --json`;
  const report = JSON.parse((await runCommand(cwd, train)).out);
  expect((await runCommand(cwd, sh`merge ${tuned} --out ${merged}`)).code).toBe(0);
  expect(await readdir(merged)).toEqual(['model', 'run.json']);
  const evaluated = JSON.parse((await runCommand(cwd, sh`eval ${merged} --json`)).out);
  expect(evaluated.evaluation.predictions).toBe(report.evaluation.predictions);
  expect(await runCommand(cwd, sh`merge ${merged}`)).toMatchObject({
    code: 4,
    err: expect.stringMatching(/merged: the run has no adapter to merge/),
  });
});
