import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readState, writeState } from '../../src/runs/index.ts';
import { interruptOnProgress, runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('pretrain', () => {
  test('resumes to more steps and ends with the weights of an uninterrupted run, bit for bit', async () => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    const common = sh`pretrain --engine eager --data data --head linear --quiet`;
    const weights = (name: string) => readFile(join(at(name), 'model', 'weights.bin'));
    expect((await runCommand(cwd, sh`${common} --steps 12 --out ${at('whole')}`)).code).toBe(0);
    expect((await runCommand(cwd, sh`${common} --steps 5 --json --out ${at('parts')}`)).code).toBe(0);
    expect((await weights('parts')).equals(await weights('whole'))).toBe(false);
    const resume = sh`${common} --steps 12 --out ${at('parts')} --resume`;
    expect(await runCommand(cwd, sh`${resume} --lr 0.01`)).toMatchObject({
      code: 2,
      err: expect.stringContaining(
        'was started with optimizer.learningRate 0.001, and cannot be resumed with 0.01; omit the option',
      ),
    });
    expect(await runCommand(cwd, resume)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^pretrain /),
    });
    expect((await weights('parts')).equals(await weights('whole'))).toBe(true);
    expect(await readFile(join(at('parts'), 'metrics.jsonl'), 'utf8')).toBe(
      await readFile(join(at('whole'), 'metrics.jsonl'), 'utf8'),
    );
  });

  const long = sh`pretrain --engine eager --data data --quiet --steps 60 --out`;

  test('does not change a run whose state does not fit', async () => {
    const out = join(await temporaryFolder(), 'run');
    const argv = sh`pretrain --engine eager --out ${out}`;
    expect((await runCommand(cwd, sh`${argv} --steps 5`)).code).toBe(0);
    const path = join(out, 'state', 'state.safetensors');
    const state = await readState(path);
    const weights = new Map([...state.weights].filter(([name]) => name !== 'linear2/bias'));
    await writeState(path, { ...state, weights });
    const before = await readFile(join(out, 'run.json'), 'utf8');
    expect(await runCommand(cwd, sh`${argv} --steps 8 --resume`)).toMatchObject({
      code: 4,
      err: expect.stringMatching(/state.safetensors: has no values of 'weights\/linear2\/bias'/),
      out: '',
    });
    expect(await readFile(join(out, 'run.json'), 'utf8')).toBe(before);
    expect((await readState(path)).step).toBe(5);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('saves its work at %s and exits with %i', async (signal, expected) => {
    const out = join(await temporaryFolder(), 'stopped');
    const { code } = await runCommand(cwd, sh`${long} ${out}`, interruptOnProgress(signal));
    expect(code).toBe(expected);
    const { status, training } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(status).toBe('stopped');
    expect(training.stepsDone).toBeGreaterThan(0);
    expect(training.stepsDone).toBeLessThan(60);
  });

  test('resumes a stopped run and ends with the weights of an uninterrupted one, bit for bit', async () => {
    const folder = await temporaryFolder();
    const [stopped, whole] = [join(folder, 'stopped'), join(folder, 'whole')];
    expect((await runCommand(cwd, sh`${long} ${stopped}`, interruptOnProgress('SIGINT'))).code).toBe(130);
    expect(await runCommand(cwd, sh`${long} ${stopped} --resume --steps 59`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/the run has 60 steps, and cannot be resumed with 59/),
    });
    expect((await runCommand(cwd, sh`${long} ${stopped} --resume`)).code).toBe(0);
    expect((await runCommand(cwd, sh`${long} ${whole}`)).code).toBe(0);
    const weights = (out: string) => readFile(join(out, 'model', 'weights.bin'));
    expect((await weights(stopped)).equals(await weights(whole))).toBe(true);
  });

  test('keeps the last finite weights when the loss is not finite, and exits with 5', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'run');
    const argv = sh`pretrain --steps 40 --optimizer sgd --lr 1e9 --head linear --out ${out}`;
    const { code, err } = await runCommand(cwd, argv);
    expect(code).toBe(5);
    expect(err).toMatch(/error: the loss of step \d+ is (NaN|Infinity)/);
    expect(JSON.parse(await readFile(join(out, 'run.json'), 'utf8'))).toMatchObject({ status: 'stopped' });
    expect(await readdir(folder)).toEqual(['run']);
  });

  test.each([
    ['1e39', /'linear\d\/\w+' is not finite after step 1; the weights after 0 steps are restored/],
    ['1e38', /error: the loss on the test set is NaN; lower the learning rate/],
  ])('exits with 5 if the last step, at a learning rate of %s, broke the model', async (lr, message) => {
    const out = join(await temporaryFolder(), 'run');
    const { code, err } = await runCommand(cwd, sh`pretrain --steps 1 --lr ${lr} --out ${out}`);
    expect(code).toBe(5);
    expect(err).toMatch(message);
  });
});
