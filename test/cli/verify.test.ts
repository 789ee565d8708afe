import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensors, safeTensor, writeSafetensors } from '../../src/safetensors/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { importedAdapter } from '../helpers/peft-runs.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('verify prints each check with what was measured', async () => {
  const cwd = await importedAdapter('dora');
  const { code, out, err } = await runCommand(cwd, sh`verify adapted --device cpu`);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^passed {3}at strength 0 the model gives the outputs of its base, bit for bit\n {9}difference 0 on 1000 examples$/m,
  );
  expect(out).not.toMatch(/FAILED/);
  expect(err).toBe('10 checks passed');
});

test('verify fails with exit code 4 if the run that the base was taken from has changed', async () => {
  const cwd = await importedAdapter('plain');
  const weights = join(cwd, 'base/model/weights.bin');
  const bytes = await readFile(weights);
  bytes.writeFloatLE(7, 0);
  await writeFile(weights, bytes);
  const { code, out, err } = await runCommand(cwd, sh`verify adapted --json --device cpu`);
  expect(code).toBe(4);
  const document = JSON.parse(out);
  expect(document).toMatchObject({ format: 'tfjs-lora verification', formatVersion: 1, passed: false });
  expect(document.checks.filter((check: { outcome: string }) => check.outcome === 'failed')).toMatchObject([
    { name: 'origin-unchanged' },
  ]);
  expect(err).toMatch('adapted: 1 of 10 checks failed (origin-unchanged)');
  expect(await runCommand(cwd, sh`verify base --device cpu`)).toMatchObject({
    code: 4,
    err: expect.stringMatching(/content hash is .*, but run.json has/),
  });
});

test('verify rejects an adapter with NaN, naming the tensor', async () => {
  const cwd = await importedAdapter('plain');
  const path = join(cwd, 'adapted/adapter/adapter_model.safetensors');
  const { tensors, metadata } = await readSafetensors(path);
  const name = 'base_model.model.linear1.lora_B.weight';
  const damaged = safeTensor(new Float32Array(256 * 4).fill(Number.NaN), [256, 4]);
  await writeSafetensors(path, new Map(tensors).set(name, damaged), metadata);
  expect(await runCommand(cwd, sh`verify adapted --device cpu`)).toMatchObject({
    code: 4,
    err: expect.stringMatching(/layer 'linear1': lora_B contains NaN or Inf/),
  });
});

test('verify rejects an adapter of another base', async () => {
  const cwd = await importedAdapter('plain');
  const inputs = resolve('test/fixtures/parity/inputs.safetensors');
  await runCommand(cwd, sh`import ${inputs} --prefix init. --out other --device cpu`);
  await runCommand(cwd, sh`inject-lora other --rank 4 --alpha 6 --out foreign --device cpu`);
  await cp(join(cwd, 'adapted/adapter'), join(cwd, 'foreign/adapter'), { recursive: true });
  expect(await runCommand(cwd, sh`verify foreign --device cpu`)).toMatchObject({
    code: 4,
    err: expect.stringMatching(/trained on a base with content hash \w{64}, this base has \w{64}/),
  });
});
