import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadPeft } from '../../src/peft/index.ts';
import { openRun } from '../../src/runs/index.ts';
import { readSafetensors } from '../../src/safetensors/index.ts';
import { runCommand } from '../helpers/command.ts';
import { PEFT_FOLDER, peftLogits, peftRows } from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { relativeDifference, torchExpected, torchModels } from '../helpers/torch-models.ts';

useDevice('cpu');

const BASE = resolve(PEFT_FOLDER, 'base.safetensors');
let rows: tf.Tensor;
beforeAll(async () => {
  rows = await peftRows();
});

/** A folder to work in and a command line that runs there. */
async function workplace() {
  const cwd = await temporaryFolder();
  const run = (...argv: string[]) => runCommand(cwd, [...argv, '--device', 'cpu']);
  return { cwd, run };
}

test('a DigitsNet of PyTorch becomes a run with its logits, and goes back bit for bit', async () => {
  const { cwd, run } = await workplace();
  const imported = await run('import', BASE, '--out', 'base');
  expect(imported).toMatchObject({ code: 0, out: expect.stringMatching(/235,146 values/) });
  const { model } = await openRun('base', cwd);
  expect(relativeDifference(model.predict(rows) as tf.Tensor, await peftLogits('base'))).toBeLessThan(1e-5);
  const exported = await run('export', 'base', '--out', 'back.safetensors');
  expect(exported).toMatchObject({ code: 0, out: 'wrote 6 tensors of 235,146 values to back.safetensors' });
  const [given, back] = await Promise.all([
    readSafetensors(BASE),
    readSafetensors(join(cwd, 'back.safetensors')),
  ]);
  for (const [name, { data }] of given.tensors) {
    expect(Buffer.compare(back.tensors.get(name)!.data, data)).toBe(0);
  }
});

test("an adapter of PEFT's becomes a run on a base, whose export holds it folded in or alone", async () => {
  const { cwd, run } = await workplace();
  await run('import', BASE, '--out', 'base');
  const adapter = resolve(PEFT_FOLDER, 'plain');
  const imported = await run('import', adapter, '--into', 'base', '--out', 'adapted', '--json');
  expect(imported.code).toBe(0);
  expect(JSON.parse(imported.out)).toMatchObject({ run: 'adapted', adapter: { rank: 4, alpha: 6 } });
  const expected = await peftLogits('plain');
  const adapted = await openRun('adapted', cwd);
  expect(relativeDifference(adapted.model.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);

  await run('export', 'adapted', '--out', 'folded.safetensors');
  await run('import', 'folded.safetensors', '--out', 'folded');
  const folded = await openRun('folded', cwd);
  expect(relativeDifference(folded.model.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);

  await run('export', 'adapted', '--base', '--out', 'plain.safetensors');
  await run('import', 'plain.safetensors', '--out', 'plain');
  expect((await openRun('plain', cwd)).manifest.contentHash).toBe(adapted.manifest.contentHash);

  expect(await run('export', 'adapted', '--adapter', '--out', 'peft')).toMatchObject({ code: 0 });
  const again = await loadPeft(adapted.base, join(cwd, 'peft'));
  expect(relativeDifference(again.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);
});

test('a model of any shape comes in through its architecture', async () => {
  const { cwd, run } = await workplace();
  await writeFile(join(cwd, 'model.json'), JSON.stringify(torchModels.text().toJSON(null, false)));
  const source = resolve('test/fixtures/torch/text.safetensors');
  const pixels = ['--mean', '0', '--std', '1'];
  const imported = await run('import', source, '--architecture', 'model.json', '--out', 'text', ...pixels);
  expect(imported).toMatchObject({ code: 0 });
  const { model, manifest } = await openRun('text', cwd);
  const logits = model.predict(await torchExpected('text.input')) as tf.Tensor;
  expect(relativeDifference(logits, await torchExpected('text.logits'))).toBeLessThan(1e-5);
  expect(manifest).toMatchObject({ classNames: ['0', '1', '2', '3'], normalization: { mean: 0, std: 1 } });
});

describe('what cannot be done is one line and leaves nothing', () => {
  test.each([
    [['import', 'none.safetensors'], 4, /none.safetensors: cannot be read: no such file/],
    [
      ['import', resolve(PEFT_FOLDER, 'plain')],
      2,
      /is a folder, as adapters are; name the base with --into RUN/,
    ],
    [
      ['import', resolve(PEFT_FOLDER, 'plain'), '--into', 'a', '--prefix', 'x.'],
      2,
      /--prefix x.: is for a state dict/,
    ],
    [['import', BASE, '--any-base'], 2, /--any-base: is for an adapter/],
    [
      ['import', resolve('test/fixtures/torch/text.safetensors')],
      4,
      /: unknown architecture, not a DigitsNet .*; name the model with --architecture or --into/,
    ],
    [
      ['import', BASE, '--architecture', resolve('package.json')],
      4,
      /does not describe a LayersModel; name a model.json/,
    ],
    [['import', BASE, '--prefix', 'x.'], 4, /no matrices x.linear1.weight/],
    [['import', BASE, '--into', 'a', '--architecture', 'b'], 2, /cannot be used with/],
    [['import', BASE, '--into', 'a', '--head', 'linear'], 2, /cannot be used with/],
    [['import', BASE, '--architecture', 'b', '--head', 'linear'], 2, /cannot be used with/],
    [['export', 'nowhere'], 2, /--out is missing/],
    [['export', 'nowhere', '--out', 'x'], 4, /nowhere: no such folder/],
  ])('%j', async (argv, code, message) => {
    const { cwd, run } = await workplace();
    const result = await run(...argv);
    expect(result).toMatchObject({ code, err: expect.stringMatching(message), out: '' });
    await expect(openRun('runs/import', cwd)).rejects.toThrow(/no such folder/);
  });

  test('a model that tfjs could not load again', async () => {
    const { cwd, run } = await workplace();
    await writeFile(join(cwd, 'model.json'), JSON.stringify(torchModels.cnn().toJSON(null, false)));
    const source = resolve('test/fixtures/torch/cnn.safetensors');
    expect(await run('import', source, '--architecture', 'model.json')).toMatchObject({
      code: 4,
      err: expect.stringMatching(
        /two weights of the model have the name 'norm\/gamma', so tfjs could not load it/,
      ),
    });
  });

  test('a file that is there is not overwritten unless asked to', async () => {
    const { cwd, run } = await workplace();
    await run('import', BASE, '--out', 'base');
    await writeFile(join(cwd, 'x.safetensors'), 'precious');
    expect(await run('export', 'base', '--out', 'x.safetensors')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--out x.safetensors: is there already; add --overwrite/),
    });
    expect((await run('export', 'base', '--out', 'x.safetensors', '--overwrite')).code).toBe(0);
    expect(await run('export', 'base', '--adapter', '--out', 'base', '--overwrite')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--out base: holds files that are no adapter; name another folder/),
    });
    expect(await run('export', 'base', '--adapter', '--out', 'y')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/base: has no adapter/),
    });
  });
});
