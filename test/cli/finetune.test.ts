import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { float32Values, readSafetensors } from '../../src/safetensors/index.ts';
import { runCommand, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('finetune', () => {
  test('compares adapter off with adapter on, saves the run, and leaves the base as it was', async () => {
    const before = await readFile(join(cwd, 'base', 'model', 'weights.bin'));
    const out = join(await temporaryFolder(), 'run');
    const argv = [
      'finetune',
      'base',
      '--digits',
      '2,3',
      '--steps',
      '30',
      '--rank',
      '2',
      '--alpha',
      '8',
      '--json',
    ];
    const { code, out: printed } = await runCommand(cwd, [...argv, '--out', out]);
    expect(code).toBe(0);
    const report = JSON.parse(printed);
    expect(report).toMatchObject({
      targetLabels: [2, 3],
      baseline: { name: 'adapter off' },
      run: { rank: 2 },
    });
    expect((await readFile(join(cwd, 'base', 'model', 'weights.bin'))).equals(before)).toBe(true);
    expect((await readFile(join(out, 'model', 'weights.bin'))).equals(before)).toBe(true);
    const again = JSON.parse((await runCommand(cwd, ['eval', out, '--json'])).out);
    expect(again.evaluation.predictions).toBe(report.evaluation.predictions);
    const off = JSON.parse((await runCommand(cwd, ['eval', out, '--strength', '0', '--json'])).out);
    expect(off.evaluation.predictions).toBe(report.baseline.predictions);
  });

  test('takes the steps of the run it was made from only, when it goes on', async () => {
    const folder = await temporaryFolder();
    const [out, other] = [join(folder, 'out'), join(folder, 'other')];
    const start = ['finetune', 'base', '--digits', '2', '--steps', '2', '--out', out];
    expect((await runCommand(cwd, start)).code).toBe(0);
    expect((await runCommand(cwd, ['pretrain', '--steps', '2', '--seed', '9', '--out', other])).code).toBe(0);
    const goOn = ['--resume', '--steps', '4', '--out', out];
    const refused = await runCommand(cwd, ['finetune', other, ...goOn]);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/made from a base of content/) });
    expect((await runCommand(cwd, ['finetune', 'base', ...goOn])).code).toBe(0);
  });

  test('goes on with the options that made the adapter, and with no others', async () => {
    const out = join(await temporaryFolder(), 'out');
    const argv = ['finetune', 'base', '--digits', '2', '--dropout', '0.1', '--rank', '3', '--out', out];
    expect((await runCommand(cwd, [...argv, '--steps', '2'])).code).toBe(0);
    const goOn = ['--steps', '4', '--resume'];
    expect(await runCommand(cwd, [...argv, ...goOn, '--dora'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/was started with lora.dora not set, and cannot be resumed with true/),
    });
    expect((await runCommand(cwd, [...argv, ...goOn])).code).toBe(0);
  });

  test('refuses to change the adapter that is there', async () => {
    const out = join(await temporaryFolder(), 'adapted');
    expect((await runCommand(cwd, ['inject-lora', 'base', '--rank', '2', '--out', out])).code).toBe(0);
    const { code, err } = await runCommand(cwd, ['finetune', out, '--rank', '3', '--digits', '1']);
    expect(code).toBe(2);
    expect(err).toMatch(/rank 3: the run has an adapter of rank 2/);
    const dora = await runCommand(cwd, ['finetune', out, '--dora']);
    expect(dora).toMatchObject({
      code: 2,
      err: expect.stringMatching(/dora: the run has an adapter already/),
    });
  });

  test('starts from the gradient on the target digits, and saves what it trained', async () => {
    const folder = await temporaryFolder();
    const argv = ['finetune', 'base', '--init', 'lora-ga', '--rank', '2', '--json'];
    const starts = await Promise.all(
      ['2', '3'].map(async (digit) => {
        const out = join(folder, digit);
        const { code } = await runCommand(cwd, [
          ...argv,
          '--digits',
          digit,
          '--steps',
          '1',
          '--lr',
          '1e-12',
          '--out',
          out,
        ]);
        expect(code).toBe(0);
        const { tensors } = await readSafetensors(join(out, 'adapter', 'adapter_model.safetensors'));
        return [...tensors].flatMap(([name, tensor]) => [...float32Values(name, tensor)]);
      }),
    );
    expect(starts[0]!.length).toBe(starts[1]!.length);
    const apart = starts[0]!.map((value, index) => Math.abs(value - starts[1]![index]!));
    expect(Math.max(...apart)).toBeGreaterThan(0.001);

    const out = join(folder, 'tuned');
    const tuned = await runCommand(cwd, [
      ...argv,
      '--digits',
      '2,3',
      '--steps',
      '30',
      '--lr',
      '0.05',
      '--out',
      out,
    ]);
    expect(tuned.code).toBe(0);
    const report = JSON.parse(tuned.out);
    expect(report.evaluation.predictions).not.toBe(report.baseline.predictions);
    const again = JSON.parse((await runCommand(cwd, ['eval', out, '--json'])).out);
    expect(again.evaluation.predictions).toBe(report.evaluation.predictions);
    const off = JSON.parse((await runCommand(cwd, ['eval', out, '--strength', '0', '--json'])).out);
    expect(off.evaluation.predictions).toBe(report.baseline.predictions);
  });

  test('writes everything before a gate that is not met ends it with 10', async () => {
    const out = join(await temporaryFolder(), 'run');
    const argv = ['finetune', 'base', '--digits', '2', '--steps', '2', '--min-accuracy', '1', '--out', out];
    const { code, err } = await runCommand(cwd, argv);
    expect(code).toBe(10);
    expect(err).toMatch(/accuracy/);
    expect(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')).gates).toMatchObject([
      { passed: false },
    ]);
  });
});
