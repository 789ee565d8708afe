import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loraTargets } from '../../src/lora/index.ts';
import { openRun } from '../../src/runs/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { importedAdapter } from '../helpers/peft-runs.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { torchModels } from '../helpers/torch-models.ts';

useDevice();

describe('inspect --shape', () => {
  test('shows the cost of an adapter without a run', async () => {
    const { code, out } = await runCommand('/', sh`inspect --shape 300x200 --rank 4`);
    expect(code).toBe(0);
    expect(out).toContain('2,000 instead of 60,000 = 3.33 %');
    const json = await runCommand('/', sh`inspect --shape 300x200 --rank 4 --json`);
    expect(JSON.parse(json.out)).toMatchObject({
      loraParameters: 2000,
      kernelParameters: 60000,
      loraBytes: 8000,
    });
  });

  test('ignores settings for runs from the environment', async () => {
    const env = { TFJS_LORA_PROGRAM: '1', TFJS_LORA_BATCH_SIZE: '3' };
    expect((await runCommand('/', sh`inspect --shape 300x200`, { env })).code).toBe(0);
  });

  test.each([
    [sh`inspect`, /name a run, or use --base-model or --shape/],
    [sh`inspect a-run --shape 3x3`, /--shape: needs no run; omit a-run/],
    [sh`inspect --program --shape 3x3`, /--shape: needs no run; omit --program/],
    [sh`inspect a-run --rank 3`, /--rank: has no effect without --shape/],
    [sh`inspect a-run --batch-size 3`, /--batch-size: has no effect without --program/],
  ])('%j is rejected', async (argv, message) => {
    expect(await runCommand('/', argv)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });
});

describe('inspect of a run', () => {
  test('shows the settings and effect of its adapter on each layer', async () => {
    const cwd = await importedAdapter('patterns');
    const { code, out } = await runCommand(cwd, sh`inspect adapted --device cpu`);
    expect(code).toBe(0);
    expect(out).toMatch(/^layer +kernel +rank +alpha +scale +trainable +change +effective rank$/m);
    expect(out).toMatch(/^linear2 +Dense 256 x 128 +2 +10 +5 +768 +[\d.]+ % +[\d.]+$/m);
    expect(out).toMatch(
      /^trainable parameters: 5,480 of 240,626 = 2.28 % \(2.33 % of the base's 235,146\)$/m,
    );
    const tooLong = out.split('\n').filter((line) => line.length > 80 && !line.startsWith('warning: '));
    expect(tooLong).toEqual([]);
    const json = JSON.parse((await runCommand(cwd, sh`inspect adapted --json --device cpu`)).out);
    expect(json.adapters[1]).toMatchObject({ path: 'linear2', rank: 2, alpha: 10, scaling: 5 });
    expect(json.model.parameters).toBe(235146);
  });

  test('shows the layers of a plain model, and which can be adapted', async () => {
    const cwd = await importedAdapter('plain');
    const { out } = await runCommand(cwd, sh`inspect base --device cpu`);
    expect(out).toMatch(/^linear1 +Dense +256 +200,960$/m);
    expect(out).toMatch(/^can be adapted +kernel +trainable per rank +usable rank$/m);
    expect(out).toMatch(/^linear3 +Dense 128 x 10 +138 +10$/m);
    const { targets } = JSON.parse((await runCommand(cwd, sh`inspect base --json --device cpu`)).out);
    expect(targets).toEqual(loraTargets((await openRun(join(cwd, 'base'))).base));
  });

  test('shows the ops of a training step with --program', async () => {
    const cwd = await importedAdapter('plain');
    const { code, out } = await runCommand(cwd, sh`inspect --program adapted --device cpu`);
    expect(code).toBe(0);
    expect(out).toMatch(/^ +\d+ +variable +float32\[784,4\] +linear1\/default\/lora_A$/m);
    expect(out).toMatch(/SparseSoftmaxCrossEntropyWithLogits/);
  });

  test('uses random numbers if the model does not take images', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'model.json'), JSON.stringify(torchModels.text().toJSON(null, false)));
    const weights = resolve('test/fixtures/torch/text.safetensors');
    await runCommand(cwd, sh`import ${weights} --architecture model.json --out text --device cpu`);
    expect(await runCommand(cwd, sh`inspect text --device cpu`)).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^note: .*; random numbers are used instead$/m),
    });
  });
});
