import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Matrix } from 'ml-matrix';
import { beforeAll, describe, expect, test } from 'vitest';
import { float32Values, readSafetensors } from '../../src/safetensors/index.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { largestDifference } from '../helpers/parity.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('finetune', () => {
  test('reports adapter off and on, saves the run, and does not change the base', async () => {
    const before = await readFile(join(cwd, 'base', 'model', 'weights.bin'));
    const out = join(await temporaryFolder(), 'run');
    const argv = sh`finetune base --digits 2,3 --steps 30 --rank 2 --alpha 8 --json --out ${out}`;
    const { code, out: printed } = await runCommand(cwd, argv);
    expect(code).toBe(0);
    const report = JSON.parse(printed);
    expect(report).toMatchObject({
      targetLabels: [2, 3],
      baseline: { name: 'adapter off' },
      run: { rank: 2 },
    });
    expect((await readFile(join(cwd, 'base', 'model', 'weights.bin'))).equals(before)).toBe(true);
    expect((await readFile(join(out, 'model', 'weights.bin'))).equals(before)).toBe(true);
    await expectPredictions(out, report);
  });

  test('resumes only with the base that the run was made from', async () => {
    const folder = await temporaryFolder();
    const [out, other] = [join(folder, 'out'), join(folder, 'other-base')];
    expect((await runCommand(cwd, sh`finetune base --digits 2 --steps 2 --out ${out}`)).code).toBe(0);
    expect((await runCommand(cwd, sh`pretrain --steps 2 --seed 9 --out ${other}`)).code).toBe(0);
    const resume = sh`--resume --steps 4 --out ${out}`;
    expect(await runCommand(cwd, sh`finetune ${other} ${resume}`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/made from a base of content/),
    });
    expect((await runCommand(cwd, sh`finetune base ${resume}`)).code).toBe(0);
  });

  test('resumes only with the adapter options that the run was started with', async () => {
    const out = join(await temporaryFolder(), 'out');
    const argv = sh`finetune base --digits 2 --dropout 0.1 --rank 3 --out ${out}`;
    expect((await runCommand(cwd, sh`${argv} --steps 2`)).code).toBe(0);
    expect(await runCommand(cwd, sh`${argv} --steps 4 --resume --dora`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/was started with lora.dora not set, and cannot be resumed with true/),
    });
    expect((await runCommand(cwd, sh`${argv} --steps 4 --resume`)).code).toBe(0);
  });

  test('rejects options that differ from the adapter of the run', async () => {
    const out = join(await temporaryFolder(), 'adapted');
    expect((await runCommand(cwd, sh`inject-lora base --rank 2 --out ${out}`)).code).toBe(0);
    const { code, err } = await runCommand(cwd, sh`finetune ${out} --rank 3 --digits 1`);
    expect(code).toBe(2);
    expect(err).toMatch(/rank 3: the run has an adapter of rank 2/);
    const dora = await runCommand(cwd, sh`finetune ${out} --dora`);
    expect(dora).toMatchObject({
      code: 2,
      err: expect.stringMatching(/dora: the run has an adapter already/),
    });
  });

  test('adapts the weights of --target-weights, and no layers without --targets', async () => {
    const out = join(await temporaryFolder(), 'tuned');
    const argv = sh`finetune base --digits 2 --steps 2 --rank 2 --target-weights linear2.kernel`;
    expect((await runCommand(cwd, sh`${argv} --out ${out}`)).code).toBe(0);
    const { tensors } = await readSafetensors(join(out, 'adapter', 'adapter_model.safetensors'));
    expect([...tensors.keys()].every((name) => name.includes('linear2'))).toBe(true);
    expect(await runCommand(cwd, sh`finetune base --target-weights linear2.krenel --out x`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/targetWeights 'linear2.krenel': matches no weight .*linear2.kernel/),
    });
  });

  test('initializes with --init lora-ga from the gradient on the target digits', async () => {
    const folder = await temporaryFolder();
    const argv = sh`finetune base --init lora-ga --rank 2 --json`;
    const initialValues = await Promise.all(
      ['2', '3'].map(async (digit) => {
        const out = join(folder, digit);
        // The learning rate is so small that the adapter keeps its initial values.
        const step = sh`--digits ${digit} --steps 1 --lr 1e-12 --out ${out}`;
        expect((await runCommand(cwd, [...argv, ...step])).code).toBe(0);
        const { tensors } = await readSafetensors(join(out, 'adapter', 'adapter_model.safetensors'));
        return [...tensors].flatMap(([name, tensor]) => [...float32Values(name, tensor)]);
      }),
    );
    const [ofTwos, ofThrees] = initialValues as [number[], number[]];
    expect(ofTwos.length).toBe(ofThrees.length);
    const differences = ofTwos.map((value, index) => Math.abs(value - ofThrees[index]!));
    expect(Math.max(...differences)).toBeGreaterThan(0.001);

    const out = join(folder, 'tuned');
    const tuned = await runCommand(cwd, sh`${argv} --digits 2,3 --steps 30 --lr 0.05 --out ${out}`);
    expect(tuned.code).toBe(0);
    const report = JSON.parse(tuned.out);
    expect(report.evaluation.predictions).not.toBe(report.baseline.predictions);
    await expectPredictions(out, report);
  });

  test('initializes with --init eva with orthonormal directions of the target digits, and resumes', async () => {
    const out = join(await temporaryFolder(), 'tuned');
    // The learning rate is so small that the adapter keeps its initial values.
    const argv = sh`finetune base --init eva --rank 2 --digits 2,3 --lr 1e-12 --json --out ${out}`;
    expect((await runCommand(cwd, sh`${argv} --steps 1`)).code).toBe(0);
    const { tensors } = await readSafetensors(join(out, 'adapter', 'adapter_model.safetensors'));
    const factors = [...tensors].filter(([name]) => name.includes('lora_A'));
    expect(factors.reduce((sum, [, { shape }]) => sum + shape[0]!, 0)).toBe(6);
    for (const [name, tensor] of factors) {
      const [rank, inputs] = tensor.shape as [number, number];
      const a = Matrix.from1DArray(rank, inputs, [...float32Values(name, tensor)]);
      const unit = Matrix.eye(rank).to1DArray();
      expect(largestDifference(a.mmul(a.transpose()).to1DArray(), unit)).toBeLessThan(1e-4);
    }
    const resumed = await runCommand(cwd, sh`finetune base --resume --steps 2 --json --out ${out}`);
    expect(resumed.code).toBe(0);
    await expectPredictions(out, JSON.parse(resumed.out));
  });

  test('saves the run before it exits with 10 because a gate is not met', async () => {
    const out = join(await temporaryFolder(), 'run');
    const argv = sh`finetune base --digits 2 --steps 2 --min-accuracy 1 --out ${out}`;
    const { code, err } = await runCommand(cwd, argv);
    expect(code).toBe(10);
    expect(err).toMatch(/accuracy/);
    expect(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')).gates).toMatchObject([
      { passed: false },
    ]);
  });
});

/** Expects `eval` to predict the same with the adapter on and off as the report of `finetune`. */
async function expectPredictions(
  run: string,
  report: { evaluation: { predictions: string }; baseline: { predictions: string } },
): Promise<void> {
  const on = JSON.parse((await runCommand(cwd, sh`eval ${run} --json`)).out);
  expect(on.evaluation.predictions).toBe(report.evaluation.predictions);
  const off = JSON.parse((await runCommand(cwd, sh`eval ${run} --strength 0 --json`)).out);
  expect(off.evaluation.predictions).toBe(report.baseline.predictions);
}
