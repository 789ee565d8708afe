import { readdirSync, readFileSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { unloadLora } from '../src/lora/index.ts';
import { loadMnist } from '../src/mnist-data-loader/index.ts';
import { loadPeft } from '../src/peft/index.ts';
import { evaluateRun } from '../src/recipes/index.ts';
import { readReport } from '../src/report/index.ts';
import { openRun, type Run } from '../src/runs/index.ts';
import { readSweepReport } from '../src/sweep/index.ts';
import { loadTensorFlow } from '../src/tensorflow/index.ts';
import { runCommand, sh } from './helpers/command.ts';
import { temporaryFolder } from './helpers/temporary.ts';

/** Files of each released minor version; see scripts/fixtures/version.mjs. */
const FIXTURES = 'test/fixtures/versions';

beforeAll(async () => {
  await loadTensorFlow({ device: 'wasm' });
});

test('the current minor version has fixtures', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const [minor] = /^\d+\.\d+\./.exec(version)!;
  expect(readdirSync(FIXTURES).filter((name) => name.startsWith(minor))).toHaveLength(1);
});

describe.each(readdirSync(FIXTURES))('files of version %s', (version) => {
  const folder = join(FIXTURES, version);
  const { logits } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
    readonly logits: Readonly<Record<string, number[]>>;
  };

  /** The logits of a run's model for the first test images. */
  async function logitsOf({ model, manifest }: Run, count: number): Promise<number[]> {
    const { test: images } = await loadMnist({ directory: join(folder, 'data') });
    const { mean, std } = manifest.normalization;
    const pixels = images.images.subarray(0, (count / 10) * images.height * images.width);
    const values = Float32Array.from(pixels, (pixel) => (pixel / 255 - mean) / std);
    return tf.tidy(() => {
      const inputs = tf.tensor(values, [count / 10, ...(model.inputs[0]!.shape.slice(1) as number[])]);
      return [...(model.predict(inputs) as tf.Tensor).dataSync()];
    });
  }

  function expectLogits(found: readonly number[], expected: readonly number[]): void {
    expect(found).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 4);
  }

  test.each(Object.keys(logits))('run %s opens with the same logits', async (name) => {
    const run = await openRun(join(folder, name));
    expectLogits(await logitsOf(run, logits[name]!.length), logits[name]!);
    run.model.dispose();
  });

  test('the adapter loads into its base as a PEFT folder', async () => {
    const run = await openRun(join(folder, 'net'));
    const model = await loadPeft(run.model, join(folder, 'tuned', 'adapter'));
    expectLogits(await logitsOf({ ...run, model }, logits.tuned!.length), logits.tuned!);
    expectLogits(await logitsOf({ ...run, model: unloadLora(model) }, logits.net!.length), logits.net!);
  });

  test('an evaluation of the run agrees with its report and with a report of eval', async () => {
    const [stored, comparison] = await Promise.all(
      ['tuned', 'comparison.json'].map((path) => readReport(join(folder, path))),
    );
    const { evaluation, baseline } = await evaluateRun({
      run: join(folder, 'tuned'),
      compare: join(folder, 'net'),
      data: join(folder, 'data'),
      tensorflow: { device: 'wasm' },
    });
    for (const report of [stored!, comparison!]) {
      expect(report.evaluation.predictions).toEqual(evaluation.predictions);
      expect(report.baseline?.predictions).toEqual(baseline?.predictions);
    }
  });

  test('the sweep is read, and its trials are not trained again', async () => {
    const cwd = await temporaryFolder();
    await cp(folder, cwd, { recursive: true });
    const before = await readSweepReport(join(cwd, 'sweep', 'sweep.json'));
    const trials = readdirSync(join(cwd, 'sweep', 'trials')).filter((name) => name.endsWith('.json'));
    const records = () =>
      Promise.all(trials.map((name) => readFile(join(cwd, 'sweep', 'trials', name), 'utf8')));
    const trained = await records();
    expect(trained).toHaveLength(2);
    const command = sh`sweep net --digits 2,3 --rank 1,2 --seeds 0 --steps 10 --held-out 0.25 --device wasm --jobs 1 --quiet --out sweep`;
    expect(await runCommand(cwd, command)).toMatchObject({ code: 0, err: '' });
    expect(await records()).toEqual(trained);
    const after = await readSweepReport(join(cwd, 'sweep', 'sweep.json'));
    expect(after.configurations).toEqual(before.configurations);
  });

  test.each([
    ['base', sh`pretrain --resume --out base --steps 30`, 30],
    ['tuned', sh`finetune net --resume --out tuned --steps 60`, 60],
  ])('training of run %s continues', async (name, command, steps) => {
    const cwd = await temporaryFolder();
    await cp(folder, cwd, { recursive: true });
    expect(await runCommand(cwd, [...command, '--device', 'wasm', '--quiet'])).toMatchObject({ code: 0 });
    const { manifest } = await openRun(join(cwd, name));
    expect(manifest.training).toMatchObject({ steps });
  });
});
