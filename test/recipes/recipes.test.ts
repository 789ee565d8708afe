import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/errors.ts';
import type { Mnist } from '../../src/mnist-data-loader/index.ts';
import {
  compareReports,
  evaluateRun,
  finetune,
  type PretrainResult,
  pretrain,
} from '../../src/recipes/index.ts';
import { openRun } from '../../src/runs/index.ts';
import { stripes } from '../helpers/small-task.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const data: Mnist = { train: stripes(120), test: stripes(60), directory: 'stripes', published: false };
const lora = { rank: 2, alpha: 6 };
const common = { data, engine: 'eager', batchSize: 6, optimizer: { learningRate: 0.01 } } as const;

describe('pretrain', () => {
  test('trains a model in memory and saves nothing without a folder', async () => {
    const result = await pretrain({ ...common, steps: 30, head: 'linear' });
    expect(result).toMatchObject({ status: 'complete', folder: undefined });
    expect(result.losses).toHaveLength(30);
    expect(result.losses.at(-1)).toBeLessThan(result.losses[0]! / 2);
    expect(result.evaluation.count).toBe(60);
    result.dispose();
  });

  test('computes the steps from epochs', async () => {
    const result = await pretrain({ ...common, epochs: 0.5, head: 'linear' });
    expect(result.manifest.training).toMatchObject({ steps: 10, stepsDone: 10 });
    result.dispose();
  });

  test('reports progress with numbers and stops at the signal; resuming gives the same weights as one run', async () => {
    const folder = await temporaryFolder();
    const options = { ...common, steps: 100, head: 'linear' } as const;
    const controller = new AbortController();
    const seen: number[] = [];
    const stopped = await pretrain({
      ...options,
      out: join(folder, 'parts'),
      signal: controller.signal,
      onProgress: ({ step, steps, losses, meanLoss }) => {
        expect(steps).toBe(100);
        expect(losses.length).toBeGreaterThan(0);
        expect(meanLoss).toBeGreaterThan(0);
        seen.push(step);
        controller.abort();
      },
    });
    expect(stopped.status).toBe('stopped');
    expect(seen).toEqual([stopped.manifest.training!.stepsDone]);
    const resumed = await pretrain({ data, engine: 'eager', resume: true, out: join(folder, 'parts') });
    const whole = await pretrain(options);
    expect(resumed.manifest.contentHash).toBe(whole.manifest.contentHash);
    expect(resumed.losses).toEqual(whole.losses);
    for (const result of [stopped, resumed, whole]) result.dispose();
  });

  test('returns the last finite weights and the reason when training diverges', async () => {
    const out = join(await temporaryFolder(), 'run');
    const optimizer = { rule: 'sgd', learningRate: 1e9 } as const;
    const result = await pretrain({ ...common, steps: 40, optimizer, head: 'linear', out });
    expect(result.status).toBe('failed');
    expect(result.failure?.message).toMatch(/^the loss of step \d+ is (NaN|Infinity)/);
    expect(result.folder).toBe(out);
    result.dispose();
    expect((await openRun(out)).manifest.status).toBe('stopped');
  });

  test.each<[string, Parameters<typeof pretrain>[0], string]>([
    ['a batch size of 0', { batchSize: 0 }, 'batchSize: must be at least 1 (0)'],
    [
      'an unknown schedule',
      { optimizer: { schedule: 'linear' as never } },
      'optimizer.schedule: must be one of constant, cosine, step ("linear")',
    ],
    [
      'a warmup of all steps',
      { steps: 5, optimizer: { warmup: 5 } },
      'warmup of 5 steps: the training has 5',
    ],
    ['less than one step', { epochs: 0.01 }, 'epochs 0.01: less than one batch of 10 of the 120 images'],
    ['overwriting without a folder', { overwrite: true }, "overwrite: needs 'out', the folder of the run"],
  ])('rejects %s', async (_, options, message) => {
    const failing = pretrain({ data, ...options });
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toBeInstanceOf(UsageError);
  });
});

describe('finetune', () => {
  let base: PretrainResult;
  beforeAll(async () => {
    base = await pretrain({ ...common, steps: 60, head: 'linear' });
  });

  test('adapts a run in memory, leaves it unchanged, and compares adapter off with adapter on', async () => {
    const hash = base.manifest.contentHash;
    const tuned = await finetune({ ...common, run: base, targetLabels: [0, 1], lora, steps: 20 });
    expect(tuned.before).toMatchObject({ count: 60 });
    expect(tuned.before.predictions).toEqual(base.evaluation.predictions);
    expect(tuned.manifest).toMatchObject({
      contentHash: hash,
      adapter: { rank: 2, alpha: 6, method: 'side', strength: 1 },
      training: { targetLabels: [0, 1], stepsDone: 20 },
    });
    expect(tuned.comparison.classes.map(({ isTarget }) => isTarget)).toEqual([true, true, false]);
    tuned.dispose();
  });

  test('trains the adapter of an adapted run further, and rejects a change of its shape', async () => {
    const config = { ...lora, targets: /linear[12]/, init: 'gaussian' } as const;
    const first = await finetune({ ...common, run: base, lora: config, steps: 5 });
    const weightsBefore = first.model.getWeights().map((weight) => weight.dataSync());
    const second = await finetune({ ...common, run: first, lora: config, steps: 5 });
    expect(second.before.loss).toBe(first.before.loss);
    expect(first.model.getWeights().map((weight) => weight.dataSync())).toEqual(weightsBefore);
    await expect(finetune({ ...common, run: first, lora: { rank: 3 }, steps: 5 })).rejects.toThrow(
      'rank 3: the run has an adapter of rank 2',
    );
    await expect(finetune({ ...common, run: first, lora: { targets: 'all' }, steps: 5 })).rejects.toThrow(
      'targets all: the run has an adapter of targets linear[12]',
    );
    for (const result of [first, second]) result.dispose();
  });

  test('keeps the best state within the budget and searches the strength', async () => {
    const tuned = await finetune({
      ...common,
      run: base,
      targetLabels: [0],
      lora: { rank: 2, alpha: 8 },
      optimizer: { learningRate: 0.1 },
      steps: 40,
      guard: { maxDrop: 0, checkEvery: 5 },
      searchStrength: true,
      validation: 0.5,
    });
    const { training, strengthSearch } = tuned.report.guard!;
    const kept = training!.checks.find(({ step }) => step === training!.keptStep)!;
    expect(kept.drop).toBeLessThanOrEqual(0);
    expect(tuned.manifest.training!.stepsDone).toBe(training!.keptStep);
    expect(tuned.manifest.adapter!.strength).toBe(strengthSearch!.keptStrength);
    tuned.dispose();
  });

  test('resumes a stopped training bit for bit, and only with the settings it was started with', async () => {
    const out = join(await temporaryFolder(), 'run');
    const options = { ...common, run: base, targetLabels: [0, 1], lora };
    (await finetune({ ...options, steps: 10, out })).dispose();
    const resume = { ...options, steps: 20, out, resume: true };
    await expect(finetune({ ...resume, optimizer: { learningRate: 0.02 } })).rejects.toThrow(
      'was started with optimizer.learningRate 0.01, and cannot be resumed with 0.02',
    );
    await expect(finetune({ ...resume, steps: 5 })).rejects.toMatchObject({ code: 'training-complete' });
    const resumed = await finetune(resume);
    const whole = await finetune({ ...options, steps: 20 });
    expect(resumed.losses).toEqual(whole.losses);
    expect(resumed.after.predictions).toEqual(whole.after.predictions);
    for (const result of [resumed, whole]) result.dispose();
    await expect(finetune(resume)).rejects.toMatchObject({ code: 'training-complete' });
  });

  test.each<[string, Partial<Parameters<typeof finetune>[0]>, string]>([
    ['an unknown label', { targetLabels: [3] }, 'label 3: not one of the 3 classes'],
    ['a fraction that is not used', { validation: 0.2 }, 'neither a guard nor a strength search uses'],
    ['replay without other classes', { replay: 0.5 }, 'there are no others to replay'],
    ['a strength search without other classes', { searchStrength: true }, 'there are no others to protect'],
    ['a drop over 1', { guard: { maxDrop: 2 } }, 'guard.maxDrop: must be at most 1 (2)'],
    ['a misspelt adapter option', { lora: { ranks: 2 } as never }, "unknown option 'ranks'"],
  ])('rejects %s', async (_, options, message) => {
    const failing = finetune({ ...common, run: base, steps: 2, ...options });
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toBeInstanceOf(UsageError);
  });
});

describe('runs on disk', () => {
  test('are evaluated and compared as the recipes reported them', async () => {
    const folder = await temporaryFolder();
    const [basePath, tunedPath] = [join(folder, 'base'), join(folder, 'tuned')];
    const base = await pretrain({ ...common, steps: 60, head: 'linear', out: basePath });
    const tuned = await finetune({
      ...common,
      run: basePath,
      targetLabels: [0],
      lora,
      steps: 10,
      out: tunedPath,
    });
    const evaluated = await evaluateRun({ run: tunedPath, data, compare: basePath });
    expect(evaluated.evaluation.predictions).toEqual(tuned.after.predictions);
    expect(evaluated.baseline?.predictions).toEqual(base.evaluation.predictions);
    const off = await evaluateRun({ run: tunedPath, data, strength: 0, gates: { minAccuracy: 0 } });
    expect(off.evaluation.predictions).toEqual(tuned.before.predictions);
    expect(off.report.gates).toMatchObject([{ passed: true }]);
    const compared = await compareReports({ before: basePath, after: tunedPath });
    expect(compared.evaluation.predictions).toEqual(tuned.after.predictions);
    await expect(evaluateRun({ run: basePath, data, strength: 0.5 })).rejects.toMatchObject({
      code: 'no-adapter',
    });
    await expect(evaluateRun({ run: folder, data })).rejects.toBeInstanceOf(CheckpointError);
    for (const result of [base, tuned]) result.dispose();
    expect(JSON.parse(await readFile(join(tunedPath, 'run.json'), 'utf8')).options).toMatchObject({
      targetLabels: [0],
      lora: { rank: 2, alpha: 6, seed: 0 },
      steps: 10,
    });
  });

  test('are numbered on request, and replaced only on request', async () => {
    const out = join(await temporaryFolder(), 'run');
    const options = { ...common, steps: 2, head: 'linear', out } as const;
    (await pretrain(options)).dispose();
    await expect(pretrain(options)).rejects.toMatchObject({ code: 'already-exists' });
    const numbered = await pretrain({ ...options, numbered: true });
    expect(numbered.folder).toBe(`${out}-2`);
    const replaced = await pretrain({ ...options, steps: 3, overwrite: true });
    expect(replaced.folder).toBe(out);
    for (const result of [numbered, replaced]) result.dispose();
    expect(existsSync(`${out}-3`)).toBe(false);
  });
});

describe('tensors', () => {
  const countAfter = async (work: () => Promise<unknown>) => {
    await work();
    const before = tf.memory().numTensors;
    await work();
    return tf.memory().numTensors - before;
  };

  test('are all freed by dispose', async () => {
    const growth = await countAfter(async () => {
      const base = await pretrain({ ...common, steps: 3, head: 'linear' });
      const tuned = await finetune({ ...common, run: base, lora: { ...lora, bias: 'all' }, steps: 3 });
      const further = await finetune({ ...common, run: tuned, steps: 3 });
      for (const result of [further, tuned, base]) result.dispose();
    });
    expect(growth).toBe(0);
  });

  test('are freed for runs on disk as well, and by an evaluation', async () => {
    const folder = await temporaryFolder();
    const [base, tuned] = [join(folder, 'base'), join(folder, 'tuned')];
    (await pretrain({ ...common, steps: 3, head: 'linear', out: base })).dispose();
    (await finetune({ ...common, run: base, lora, steps: 3, out: tuned })).dispose();
    const growth = await countAfter(async () => {
      (await finetune({ ...common, run: tuned, steps: 3 })).dispose();
      await evaluateRun({ run: tuned, data, compare: base });
    });
    expect(growth).toBe(0);
  });

  test('are freed when a callback throws in the middle of training', async () => {
    const base = await pretrain({ ...common, steps: 3, head: 'linear' });
    const growth = await countAfter(async () => {
      const failing = finetune({
        ...common,
        run: base,
        lora,
        steps: 3,
        onProgress: () => {
          throw new Error('from the callback');
        },
      });
      await expect(failing).rejects.toThrow('from the callback');
    });
    expect(growth).toBe(0);
    base.dispose();
  });
});
