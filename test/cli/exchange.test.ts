import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadPeft } from '../../src/peft/index.ts';
import { openRun } from '../../src/runs/index.ts';
import { readSafetensors } from '../../src/safetensors/index.ts';
import { changedAdapter } from '../helpers/changed-adapter.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { PEFT_FOLDER, peftLogits, peftRows } from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { relativeDifference, torchExpected, torchModels } from '../helpers/torch-models.ts';

useDevice();

const BASE = resolve(PEFT_FOLDER, 'base.safetensors');
let rows: tf.Tensor;
beforeAll(async () => {
  rows = await peftRows();
});

/** A new folder, and a function that runs command lines there. */
async function workplace() {
  const cwd = await temporaryFolder();
  const run = (argv: readonly string[]) => runCommand(cwd, sh`${argv} --device cpu`);
  return { cwd, run };
}

test('a PyTorch DigitsNet keeps its logits when imported, and its weights bit for bit when exported again', async () => {
  const { cwd, run } = await workplace();
  const imported = await run(sh`import ${BASE} --out base`);
  expect(imported).toMatchObject({ code: 0, out: expect.stringMatching(/235,146 parameters/) });
  const { model } = await openRun('base', cwd);
  expect(relativeDifference(model.predict(rows) as tf.Tensor, await peftLogits('base'))).toBeLessThan(1e-5);
  const result = await run(sh`export base --out back.safetensors`);
  expect(result).toMatchObject({
    code: 0,
    out: 'wrote 6 tensors with 235,146 values to back.safetensors',
  });
  const [original, exported] = await Promise.all([
    readSafetensors(BASE),
    readSafetensors(join(cwd, 'back.safetensors')),
  ]);
  for (const [name, { data }] of original.tensors) {
    expect(Buffer.compare(exported.tensors.get(name)!.data, data)).toBe(0);
  }
});

test('a PEFT adapter keeps its outputs when imported, merged, and exported again', async () => {
  const { cwd, run } = await workplace();
  await run(sh`import ${BASE} --out base`);
  const adapter = resolve(PEFT_FOLDER, 'plain');
  const imported = await run(sh`import ${adapter} --into base --out adapted --json`);
  expect(imported.code).toBe(0);
  expect(JSON.parse(imported.out)).toMatchObject({ run: 'adapted', adapter: { rank: 4, alpha: 6 } });
  const expected = await peftLogits('plain');
  const adapted = await openRun('adapted', cwd);
  expect(relativeDifference(adapted.model.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);

  await run(sh`export adapted --out merged.safetensors`);
  await run(sh`import merged.safetensors --out merged`);
  const merged = await openRun('merged', cwd);
  expect(relativeDifference(merged.model.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);

  await run(sh`export adapted --base --out plain.safetensors`);
  await run(sh`import plain.safetensors --out plain`);
  expect((await openRun('plain', cwd)).manifest.contentHash).toBe(adapted.manifest.contentHash);

  expect(await run(sh`export adapted --adapter --out peft`)).toMatchObject({ code: 0 });
  const reloaded = await loadPeft(adapted.base, join(cwd, 'peft'));
  expect(relativeDifference(reloaded.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);
});

test('weights are imported into the model of --architecture', async () => {
  const { cwd, run } = await workplace();
  await writeFile(join(cwd, 'model.json'), JSON.stringify(torchModels.text().toJSON(null, false)));
  const source = resolve('test/fixtures/torch/text.safetensors');
  const imported = await run(sh`import ${source} --architecture model.json --out text --mean 0 --std 1`);
  expect(imported).toMatchObject({ code: 0 });
  const { model, manifest } = await openRun('text', cwd);
  const logits = model.predict(await torchExpected('text.input')) as tf.Tensor;
  expect(relativeDifference(logits, await torchExpected('text.logits'))).toBeLessThan(1e-5);
  expect(manifest).toMatchObject({ classNames: ['0', '1', '2', '3'], normalization: { mean: 0, std: 1 } });
});

describe('a failed import or export prints one line and writes nothing', () => {
  const adapter = resolve(PEFT_FOLDER, 'plain');
  const text = resolve('test/fixtures/torch/text.safetensors');
  test.each([
    [sh`import none.safetensors`, 4, /none.safetensors: cannot be read: no such file/],
    [sh`import ${adapter}`, 2, /is a folder, so an adapter; choose its base with --into/],
    [sh`import ${adapter} --into a --prefix x.`, 2, /--prefix x.: has no effect for an adapter/],
    [sh`import ${BASE} --any-base`, 2, /--any-base: has no effect for weights/],
    [
      sh`import ${text}`,
      4,
      /: unknown architecture, not a DigitsNet .*; choose the model with --architecture or --into/,
    ],
    [
      sh`import ${BASE} --architecture ${resolve('package.json')}`,
      4,
      /does not describe a LayersModel; use the model.json/,
    ],
    [sh`import ${BASE} --prefix x.`, 4, /no matrices x.linear1.weight/],
    [sh`import ${BASE} --into a --architecture b`, 2, /cannot be used with/],
    [sh`import ${BASE} --into a --head linear`, 2, /cannot be used with/],
    [sh`import ${BASE} --architecture b --head linear`, 2, /cannot be used with/],
    [sh`export nowhere`, 2, /--out is missing/],
    [sh`export nowhere --out x`, 4, /nowhere: no such folder/],
  ])('%j', async (argv, code, message) => {
    const { cwd, run } = await workplace();
    const result = await run(argv);
    expect(result).toMatchObject({ code, err: expect.stringMatching(message), out: '' });
    await expect(openRun('runs/import', cwd)).rejects.toThrow(/no such folder/);
  });

  test('import of a model that tfjs cannot load again', async () => {
    const { cwd, run } = await workplace();
    await writeFile(join(cwd, 'model.json'), JSON.stringify(torchModels.cnn().toJSON(null, false)));
    const source = resolve('test/fixtures/torch/cnn.safetensors');
    expect(await run(sh`import ${source} --architecture model.json`)).toMatchObject({
      code: 4,
      err: expect.stringMatching(
        /two weights of the model have the name 'norm\/gamma', so tfjs could not load it/,
      ),
    });
  });

  test('export replaces files only with --overwrite, and only an adapter by an adapter', async () => {
    const { cwd, run } = await workplace();
    await run(sh`import ${BASE} --out base`);
    await writeFile(join(cwd, 'x.safetensors'), 'precious');
    expect(await run(sh`export base --out x.safetensors`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/x.safetensors: the file already exists; use --overwrite/),
    });
    expect((await run(sh`export base --out x.safetensors --overwrite`)).code).toBe(0);
    expect(await run(sh`export base --adapter --out base --overwrite`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/base: exists and is not an adapter; choose another folder/),
    });
    expect(await run(sh`export base --adapter --out y`)).toMatchObject({
      code: 4,
      err: expect.stringMatching(/base: the run has no adapter/),
    });
  });
});

test('import reports the range of ranks and alphas, and patterns that match nothing', async () => {
  const { run } = await workplace();
  await run(sh`import ${BASE} --out base`);
  const folder = await changedAdapter('patterns', { config: { exclude_modules: ['no_layer'] } });
  const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
  const { out, code } = await run(sh`import ${folder} --into base --out adapted`);
  const ranks = [config.r, ...Object.values<number>(config.rank_pattern)];
  expect(code).toBe(0);
  expect(out).toContain(`adapter of rank ${Math.min(...ranks)} to ${Math.max(...ranks)} and alpha `);
});

test('an expression that is too large is one line', async () => {
  const { run } = await workplace();
  await run(sh`import ${BASE} --out base`);
  for (const option of ['--rank-pattern', '--alpha-pattern']) {
    const { err, code } = await run([
      'inject-lora',
      'base',
      option,
      `${'x'.repeat(100_000)}=2`,
      '--out',
      'i',
    ]);
    expect(code).toBe(2);
    expect(err.length).toBeLessThan(600);
  }
  const { err, code } = await run([
    'inject-lora',
    'base',
    '--targets',
    `/${'x'.repeat(100_000)}/`,
    '--out',
    'i',
  ]);
  expect(code).toBe(2);
  expect(err.length).toBeLessThan(600);
});
