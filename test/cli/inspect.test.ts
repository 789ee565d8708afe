import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSafetensors, safeTensor, writeSafetensors } from '../../src/safetensors/index.ts';
import { runCommand } from '../helpers/command.ts';
import { PEFT_FOLDER } from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice('cpu');

const command = (cwd: string, ...argv: string[]) => runCommand(cwd, argv);

/** A folder with the runs `base` and, of one of PEFT's golden adapters, `adapted`. */
async function workplace(variant: string) {
  const cwd = await temporaryFolder();
  await command(cwd, 'import', resolve(PEFT_FOLDER, 'base.safetensors'), '--out', 'base', '--device', 'cpu');
  const adapter = resolve(PEFT_FOLDER, variant);
  await command(cwd, 'import', adapter, '--into', 'base', '--out', 'adapted', '--device', 'cpu');
  return cwd;
}

describe('inspect --shape', () => {
  test('gives the arithmetic of low rank, without a run and without TensorFlow', async () => {
    const { code, out } = await command('/', 'inspect', '--shape', '300x200', '--rank', '4');
    expect(code).toBe(0);
    expect(out).toContain('2,000 instead of 60,000 = 3.33 %');
    const json = await command('/', 'inspect', '--shape', '300x200', '--rank', '4', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      loraParameters: 2000,
      kernelParameters: 60000,
      loraBytes: 8000,
    });
  });

  test('passes over what settings say for runs', async () => {
    const env = { TFJS_LORA_PROGRAM: '1', TFJS_LORA_BATCH_SIZE: '3' };
    expect((await runCommand('/', ['inspect', '--shape', '300x200'], { env })).code).toBe(0);
  });

  test.each([
    [['--shape', '300'], /inputs and outputs from 1 up, such as 300x200/],
    [['--shape', '0x3'], /inputs and outputs from 1 up/],
    [['--shape', '3x3', '--rank', '4'], /rank: must be at most 3 for a 3 x 3 kernel \(4\)/],
    [[], /name a run, or a shape/],
    [['a-run', '--shape', '3x3'], /--shape: stands for a kernel alone; leave a-run out/],
    [['--program', '--shape', '3x3'], /--shape: .* leave --program out/],
    [['a-run', '--rank', '3'], /--rank: is for --shape/],
    [['a-run', '--batch-size', '3'], /--batch-size: is for --program/],
  ])('%j is refused', async (argv, message) => {
    expect(await command('/', 'inspect', ...argv)).toMatchObject({
      code: 2,
      err: expect.stringMatching(message),
    });
  });
});

describe('inspect RUN', () => {
  test('shows what the adapter changes, what stands out, and dead outputs by class', async () => {
    const cwd = await workplace('patterns');
    const { code, out } = await command(cwd, 'inspect', 'adapted', '--device', 'cpu');
    expect(code).toBe(0);
    expect(out).toMatch(/^layer +kernel +rank +alpha +scale +trainable +change +rank used$/m);
    expect(out).toMatch(/^linear2 +Dense 256 x 128 +2 +10 +5 +768 +[\d.]+ % +[\d.]+$/m);
    expect(out).toMatch(/^trainable: 5,480 of 240,626 values, 2.33 % of the base's 235,146$/m);
    const json = JSON.parse((await command(cwd, 'inspect', 'adapted', '--json', '--device', 'cpu')).out);
    expect(json.adapters[1]).toMatchObject({ path: 'linear2', rank: 2, alpha: 10, scaling: 5 });
    expect(json.model.parameters).toBe(235146);
    for (const line of out.split('\n').filter((text) => !text.startsWith('warning'))) {
      expect(line.length).toBeLessThanOrEqual(80);
    }
  });

  test('shows the layers of a plain run', async () => {
    const cwd = await workplace('plain');
    const { out } = await command(cwd, 'inspect', 'base', '--device', 'cpu');
    expect(out).toMatch(/^linear1 +Dense +256 +200,960$/m);
  });

  test('shows the ops of a training step', async () => {
    const cwd = await workplace('plain');
    const { code, out } = await command(cwd, 'inspect', '--program', 'adapted', '--device', 'cpu');
    expect(code).toBe(0);
    expect(out).toMatch(/^ +\d+ +variable +float32\[784,4\] +linear1\/default\/lora_A$/m);
    expect(out).toMatch(/SparseSoftmaxCrossEntropyWithLogits/);
  });
});

describe('verify RUN', () => {
  test('prints each proof with what was measured', async () => {
    const cwd = await workplace('dora');
    const { code, out, err } = await command(cwd, 'verify', 'adapted', '--device', 'cpu');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^passed {3}at strength 0 the model gives the outputs of its base, bit for bit\n {9}difference 0 on 1000 examples$/m,
    );
    expect(out).not.toMatch(/FAILED/);
    expect(err).toBe('10 proofs, none failed');
  });

  test('finds, as JSON and with exit code 4, that the run it came from has changed', async () => {
    const cwd = await workplace('plain');
    const weights = join(cwd, 'base/model/weights.bin');
    const bytes = await readFile(weights);
    bytes.writeFloatLE(7, 0);
    await writeFile(weights, bytes);
    const { code, out, err } = await command(cwd, 'verify', 'adapted', '--json', '--device', 'cpu');
    expect(code).toBe(4);
    const document = JSON.parse(out);
    expect(document).toMatchObject({ format: 'tfjs-lora verification', formatVersion: 1, passed: false });
    expect(document.checks.filter((check: { outcome: string }) => check.outcome === 'failed')).toMatchObject([
      { name: 'origin-unchanged' },
    ]);
    expect(err).toMatch('adapted: 1 of 10 proofs failed: origin-unchanged');
    expect(await command(cwd, 'verify', 'base', '--device', 'cpu')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/content hash is .*, but run.json has/),
    });
  });

  test('refuses an adapter whose tensors are damaged, by name', async () => {
    const cwd = await workplace('plain');
    const path = join(cwd, 'adapted/adapter/adapter_model.safetensors');
    const { tensors, metadata } = await readSafetensors(path);
    const name = 'base_model.model.linear1.lora_B.weight';
    const damaged = new Map(tensors).set(
      name,
      safeTensor(new Float32Array(256 * 4).fill(Number.NaN), [256, 4]),
    );
    await writeSafetensors(path, damaged, metadata);
    expect(await command(cwd, 'verify', 'adapted', '--device', 'cpu')).toMatchObject({
      code: 4,
      err: expect.stringMatching(
        /adapter 'default' of layer 'linear1': lora_B has values that are not finite/,
      ),
    });
  });

  test('refuses an adapter of another base', async () => {
    const cwd = await workplace('plain');
    const scratch = join(cwd, 'other');
    await mkdir(scratch);
    const parity = resolve('test/fixtures/parity/inputs.safetensors');
    const prefix = ['--prefix', 'init.', '--device', 'cpu'];
    await command(cwd, 'import', parity, ...prefix, '--out', 'second');
    await command(
      cwd,
      'inject-lora',
      'second',
      '--rank',
      '4',
      '--alpha',
      '6',
      '--out',
      'foreign',
      '--device',
      'cpu',
    );
    await cp(join(cwd, 'adapted/adapter'), join(cwd, 'foreign/adapter'), { recursive: true });
    expect(await command(cwd, 'verify', 'foreign', '--device', 'cpu')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/trained on a base with content hash \w{64}, this base has \w{64}/),
    });
  });
});
