import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

/** The progress line of the last step. */
const LAST_STEP = /ing: (\d+)\/\1 steps/;

/** Runs a command that saves a checkpoint after each call of the engine, and fails at the last step. Returns stderr. */
async function interruptAtLastStep(argv: readonly string[]): Promise<string> {
  const err: string[] = [];
  const { code } = await runCommand(cwd, argv, {
    checkpointEveryMs: 0,
    note: (text) => {
      err.push(text);
      if (LAST_STEP.test(text)) throw new Error('an error that is not handled');
    },
  });
  expect(code).toBe(1);
  return err.join('\n');
}

const stagingFolders = async (name: string) =>
  (await readdir(cwd)).filter((entry) => entry.startsWith(`${name}.`));
const manifest = async (name: string) => JSON.parse(await readFile(join(cwd, name, 'run.json'), 'utf8'));
const pretrain = sh`pretrain --engine eager --steps 40`;

test('a run is saved even if another host removed its empty staging folder', async () => {
  const note = (text: string) => {
    if (!LAST_STEP.test(text)) return;
    const folder = readdirSync(cwd).find((entry) => entry.startsWith('alive.partial-'))!;
    rmdirSync(join(cwd, folder));
  };
  expect((await runCommand(cwd, sh`${pretrain} --out alive`, { note })).code).toBe(0);
  expect(await readdir(join(cwd, 'alive'))).toContain('report.json');
  expect(await stagingFolders('alive')).toEqual([]);
});

describe('an interrupted run', () => {
  const guard = sh`--replay 0.5 --max-drop 1 --validation 0.5 --check-every 10`;
  const guarded = sh`finetune base --engine eager --digits 2,3 --steps 60 --lr 0.05 ${guard}`;

  test.each([
    ['pretrain', pretrain, 'model/weights.bin'],
    ['finetune', guarded, 'adapter/adapter_model.safetensors'],
  ])('of %s resumes from its last checkpoint, bit for bit', async (name, argv, weights) => {
    const [interrupted, whole] = [`${name}-interrupted`, `${name}-whole`];
    const err = await interruptAtLastStep(sh`${argv} --out ${interrupted}`);
    expect(err).toMatch(`${interrupted}: the checkpoint of step `);
    expect(existsSync(join(cwd, interrupted))).toBe(false);
    const resumed = await runCommand(cwd, sh`${argv} --out ${interrupted} --resume --json`);
    const uninterrupted = await runCommand(cwd, sh`${argv} --out ${whole} --json`);
    expect([resumed.code, uninterrupted.code]).toEqual([0, 0]);
    expect(resumed.err).toMatch(
      new RegExp(`^note: ${interrupted}: resuming from the last checkpoint, step 1\\d of \\d+$`, 'm'),
    );
    expect(resumed.err).not.toContain('no record of earlier checks');
    const [report, expected] = [resumed, uninterrupted].map(({ out }) => JSON.parse(out));
    expect(report.evaluation).toEqual(expected.evaluation);
    expect(report.guard).toEqual(expected.guard);
    const bytes = (run: string) => readFile(join(cwd, run, weights));
    expect((await bytes(interrupted)).equals(await bytes(whole))).toBe(true);
    expect(await stagingFolders(interrupted)).toEqual([]);
  });

  test('can be read by other commands after its staging folder is renamed', async () => {
    await interruptAtLastStep(sh`${guarded} --out read`);
    const [staging] = await stagingFolders('read');
    await rename(join(cwd, staging!), join(cwd, 'read'));
    expect((await runCommand(cwd, sh`eval read --json`)).code).toBe(0);
    expect((await runCommand(cwd, sh`inspect read --json`)).code).toBe(0);
    expect(await manifest('read')).toMatchObject({ status: 'stopped', adapter: { strength: 1 } });
  });

  test('is only replaced with --overwrite', async () => {
    await interruptAtLastStep(sh`${pretrain} --out precious`);
    const message =
      /^(error|note): precious: an unfinished pretrain is there \(last checkpoint at step 16 of 40\)/m;
    const rejected = await runCommand(cwd, sh`pretrain --steps 2 --out precious`);
    expect(rejected).toMatchObject({ code: 2, err: expect.stringMatching(message) });
    expect(rejected.err).toMatch(/; choose it with --out, and add --resume or --overwrite$/);
    expect(await stagingFolders('precious')).toHaveLength(1);
    expect(await runCommand(cwd, sh`pretrain --steps 2 --out precious --overwrite`)).toMatchObject({
      code: 0,
      err: expect.stringMatching(message),
    });
    expect(await stagingFolders('precious')).toEqual([]);
    expect((await manifest('precious')).training.steps).toBe(2);
  });

  test('leaves the run that it would replace unchanged until it is resumed', async () => {
    expect((await runCommand(cwd, sh`pretrain --steps 2 --out old`)).code).toBe(0);
    const before = await manifest('old');
    await interruptAtLastStep(sh`${pretrain} --out old --overwrite`);
    expect(await manifest('old')).toEqual(before);
    for (const argv of [sh`pretrain --lr 5`, sh`pretrain --steps 3`, sh`finetune base`]) {
      expect((await runCommand(cwd, sh`${argv} --out old --resume`)).code).toBe(2);
    }
    expect(await manifest('old')).toEqual(before);
    expect((await runCommand(cwd, sh`${pretrain} --out old --resume`)).code).toBe(0);
    expect((await manifest('old')).training.stepsDone).toBe(40);
    expect(await stagingFolders('old')).toEqual([]);
  });

  test('in a numbered folder is not replaced by the next run', async () => {
    expect((await runCommand(cwd, sh`pretrain --steps 2`)).code).toBe(0);
    await interruptAtLastStep(pretrain);
    expect(await runCommand(cwd, sh`pretrain --steps 2`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/runs\/pretrain-2: an unfinished .* add --resume/),
    });
    expect((await runCommand(cwd, sh`${pretrain} --out runs/pretrain-2 --resume`)).code).toBe(0);
  });
});
