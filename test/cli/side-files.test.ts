import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

/** Replaces a folder by a file during training, so that nothing can be written to it afterwards. */
const blockDuringTraining = (folder: string) => ({
  onTrainingProgress: () => {
    rmSync(join(cwd, folder), { recursive: true, force: true });
    writeFileSync(join(cwd, folder), '');
  },
});

const finetune = sh`finetune base --digits 2,3 --steps 20 --engine eager`;

describe('a trained run is saved', () => {
  test.each([
    ['pretrain', sh`pretrain --steps 20 --engine eager`],
    ['finetune', finetune],
  ])('by %s if the event files cannot be written any more', async (name, argv) => {
    const [out, log] = [`${name}-out`, `${name}-log`];
    const overrides = blockDuringTraining(log);
    const { code, err } = await runCommand(cwd, sh`${argv} --out ${out} --tensorboard ${log}/x`, overrides);
    expect(err.match(/^warning: .*/gm)).toEqual([
      expect.stringMatching(/-log\/x: cannot be written: .*lack the accuracies$/),
    ]);
    expect(code).toBe(0);
    expect(existsSync(join(cwd, out, 'run.json'))).toBe(true);
  });

  test.each([
    ['met', 0, 4],
    ['not met', 1, 10],
  ])('and printed if a report file cannot be written, with gates that are %s', async (_, accuracy, code) => {
    const out = `report-${code}`;
    const argv = sh`${finetune} --out ${out} --report html-${code}/r.html --json --min-accuracy ${accuracy}`;
    const result = await runCommand(cwd, argv, blockDuringTraining(`html-${code}`));
    expect(result.code).toBe(code);
    expect(JSON.parse(result.out).run.folder).toBe(out);
    expect(result.err).toMatch(/^(error|warning): .*r\.html: cannot be written: a file/m);
    expect(existsSync(join(cwd, out, 'run.json'))).toBe(true);
  });

  test('and its gates are checked if the job summary cannot be written', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: cwd };
    const argv = sh`${finetune} --out summary --min-accuracy 1`;
    const { code, err } = await runCommand(cwd, argv, { env });
    expect(err).toMatch(/^warning: .*: cannot be written: it is a folder/m);
    expect(code).toBe(10);
  });
});

test('a report file that cannot be written is refused before training', async () => {
  await mkdir(join(cwd, 'taken.html'));
  const trained: unknown[] = [];
  for (const file of ['taken.html', 'base/run.json/r.html']) {
    const argv = sh`${finetune} --out refused --report ${file}`;
    const result = await runCommand(cwd, argv, { onTrainingProgress: (progress) => trained.push(progress) });
    expect(result).toMatchObject({ code: 4, out: '' });
    expect(result.err).toMatch(/^error: .*cannot be written: (it is a folder|a part of the path is a file)/);
  }
  expect(trained).toEqual([]);
});

test('eval prints the report if the misclassified images cannot be written', async () => {
  const result = await runCommand(cwd, sh`eval base --mistakes base --json`);
  expect(result).toMatchObject({ code: 2, err: expect.stringContaining('the folder is not empty') });
  expect(JSON.parse(result.out).run.folder).toBe('base');
  expect(await readFile(join(cwd, 'base', 'run.json'), 'utf8')).toContain('tfjs-lora run');
});
