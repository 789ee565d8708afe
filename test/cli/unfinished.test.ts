import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, workplaceWithBase } from '../helpers/command.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

/** Runs a command that has a checkpoint when it ends with an error, at its last step. */
async function breakOff(argv: readonly string[]): Promise<string> {
  const err: string[] = [];
  const { code } = await runCommand(cwd, argv, {
    checkpointEveryMs: 0,
    note: (text) => {
      err.push(text);
      if (/ing: (\d+)\/\1 steps/.test(text)) throw new Error('the machine is on fire');
    },
  });
  expect(code).toBe(1);
  return err.join('\n');
}

const beside = async (name: string) =>
  (await readdir(cwd)).filter((entry) => entry.startsWith(`${name}.`)).length;
const manifest = async (name: string) => JSON.parse(await readFile(join(cwd, name, 'run.json'), 'utf8'));
const pretrain = ['pretrain', '--engine', 'eager', '--steps', '40'];

test('a training is saved also where its empty folder was taken for one that was left', async () => {
  const note = (text: string) => {
    if (!/ing: (\d+)\/\1 steps/.test(text)) return;
    const folder = readdirSync(cwd).find((entry) => entry.startsWith('alive.partial-'))!;
    rmdirSync(join(cwd, folder));
  };
  expect((await runCommand(cwd, [...pretrain, '--out', 'alive'], { note })).code).toBe(0);
  expect(await readdir(join(cwd, 'alive'))).toContain('report.json');
  expect(await beside('alive')).toBe(0);
});

describe('a training that ends without saving', () => {
  const guarded = [
    ...['finetune', 'base', '--engine', 'eager', '--digits', '2,3', '--steps', '60', '--lr', '0.05'],
    ...['--replay', '0.5', '--max-drop', '1', '--validation', '0.5', '--check-every', '10'],
  ];

  test.each([
    ['pretrain', pretrain, 'model/weights.bin'],
    ['finetune', guarded, 'adapter/adapter_model.safetensors'],
  ])('goes on from its last checkpoint as if nothing had been: %s', async (name, argv, result) => {
    const [broken, whole] = [`${name}-broken`, `${name}-whole`];
    const err = await breakOff([...argv, '--out', broken]);
    expect(err).toMatch(`${broken}: the checkpoint of step `);
    expect(existsSync(join(cwd, broken))).toBe(false);
    const resumed = await runCommand(cwd, [...argv, '--out', broken, '--resume', '--json']);
    const ran = await runCommand(cwd, [...argv, '--out', whole, '--json']);
    expect([resumed.code, ran.code]).toEqual([0, 0]);
    expect(resumed.err).toMatch(
      new RegExp(`^note: ${broken}: resuming from the last checkpoint, step 1\\d of \\d+$`, 'm'),
    );
    expect(resumed.err).not.toContain('no record of earlier checks');
    const [one, other] = [resumed, ran].map(({ out }) => JSON.parse(out));
    expect(one.evaluation).toEqual(other.evaluation);
    expect(one.guard).toEqual(other.guard);
    const [bytes, expected] = await Promise.all(
      [broken, whole].map((run) => readFile(join(cwd, run, result))),
    );
    expect(bytes!.equals(expected!)).toBe(true);
    expect(await beside(broken)).toBe(0);
  });

  test('is a run that other commands read, once it is in its place', async () => {
    await breakOff([...guarded, '--out', 'read']);
    const left = (await readdir(cwd)).find((entry) => entry.startsWith('read.partial-'))!;
    await rename(join(cwd, left), join(cwd, 'read'));
    expect((await runCommand(cwd, ['eval', 'read', '--json'])).code).toBe(0);
    expect((await runCommand(cwd, ['inspect', 'read', '--json'])).code).toBe(0);
    expect(await manifest('read')).toMatchObject({ status: 'stopped', adapter: { strength: 1 } });
  });

  test('is not dropped unless told to', async () => {
    await breakOff([...pretrain, '--out', 'precious']);
    const again = ['pretrain', '--steps', '2', '--out', 'precious'];
    const message =
      /^(error|note): precious: an unfinished pretrain is there \(last checkpoint at step 16 of 40\)/m;
    const refused = await runCommand(cwd, again);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(message) });
    expect(refused.err).toMatch(
      /resume it or replace it; choose it with --out, and add --resume or --overwrite$/,
    );
    expect(await beside('precious')).toBe(1);
    const dropped = await runCommand(cwd, [...again, '--overwrite']);
    expect(dropped).toMatchObject({ code: 0, err: expect.stringMatching(message) });
    expect(await beside('precious')).toBe(0);
    expect((await manifest('precious')).training.steps).toBe(2);
  });

  test('leaves the run that it was to replace in its place', async () => {
    const first = ['pretrain', '--steps', '2', '--out', 'old'];
    expect((await runCommand(cwd, first)).code).toBe(0);
    const before = await manifest('old');
    await breakOff([...pretrain, '--out', 'old', '--overwrite']);
    expect(await manifest('old')).toEqual(before);
    for (const refused of [
      ['pretrain', '--lr', '5'],
      ['pretrain', '--steps', '3'],
      ['finetune', 'base'],
    ])
      expect((await runCommand(cwd, [...refused, '--out', 'old', '--resume'])).code).toBe(2);
    expect(await manifest('old')).toEqual(before);
    expect((await runCommand(cwd, [...pretrain, '--out', 'old', '--resume'])).code).toBe(0);
    expect((await manifest('old')).training.stepsDone).toBe(40);
    expect(await beside('old')).toBe(0);
  });

  test('that had only to be put in its place is put there by --resume', async () => {
    expect((await runCommand(cwd, ['pretrain', '--steps', '2', '--out', 'done'])).code).toBe(0);
    await rename(join(cwd, 'done'), join(cwd, 'done.partial-999999999-00000000'));
    expect(await runCommand(cwd, ['pretrain', '--out', 'done', '--resume'])).toMatchObject({
      code: 2,
      err: 'error: done: all 2 steps are done; use more --steps to train longer',
    });
    expect(await manifest('done')).toMatchObject({ status: 'complete' });
    expect(await beside('done')).toBe(0);
  });

  test('is not dropped for a run that has no name of its own either', async () => {
    expect((await runCommand(cwd, ['pretrain', '--steps', '2'])).code).toBe(0);
    await breakOff(pretrain);
    expect(await runCommand(cwd, ['pretrain', '--steps', '2'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/runs\/pretrain-2: an unfinished .* add --resume/),
    });
    expect((await runCommand(cwd, [...pretrain, '--out', 'runs/pretrain-2', '--resume'])).code).toBe(0);
  });
});
