import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openRun } from '../../src/runs/index.ts';
import { planSweep, type SweepPlan, specOf } from '../../src/sweep/plan.ts';
import { runTrial, type TrialContext } from '../../src/sweep/run-trial.ts';
import { readTrial, trialFile, trialId } from '../../src/sweep/trial.ts';
import { workplaceWithBase } from '../helpers/command.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();
let plan: SweepPlan;
let context: TrialContext;
beforeAll(async () => {
  const cwd = await workplaceWithBase();
  plan = await planSweep({ run: 'base', out: 'sweep', data: 'data', device: 'cpu', heldOut: 0.25, cwd });
  const { setup, data, dataHashes } = plan;
  context = { out: setup.out, base: await openRun(join(cwd, 'base')), data, dataHashes };
});

const common = { targetLabels: [2, 3] };

test('a trial is a run with a record, named by what determines it', async () => {
  const spec = specOf(plan, { rank: 2, steps: 10 }, 3, common);
  const record = (await runTrial(spec, context))!;
  expect(record).toMatchObject({ id: trialId(spec), status: 'complete', spec });
  expect(record.result!.classes).toHaveLength(10);
  expect(record.result!.trainableParameters).toBeGreaterThan(0);
  expect(await readTrial(trialFile(plan.setup.out, record.id))).toEqual(record);
  const run = await openRun(join(plan.setup.out, 'trials', record.id));
  expect(run.manifest).toMatchObject({ status: 'complete', seed: 3, adapter: { rank: 2 } });
});

test('the name depends on every part of the specification, and not on the order of keys', () => {
  const spec = specOf(plan, { rank: 2 }, 0, common);
  const others = [
    specOf(plan, { rank: 1 }, 0, common),
    specOf(plan, { rank: 2 }, 1, common),
    specOf(plan, { rank: 2 }, 0, { targetLabels: [2] }),
    specOf(plan, { rank: 2 }, 0, { ...common, maxDrop: 0.01 }),
    { ...spec, base: 'other' },
    { ...spec, data: { ...spec.data, heldOut: 'other' } },
    { ...spec, device: 'wasm' as const },
    { ...spec, version: '0.0.0' },
  ];
  expect(new Set([spec, ...others].map(trialId)).size).toBe(1 + others.length);
  const reordered = Object.fromEntries(Object.entries(spec).reverse()) as unknown as typeof spec;
  expect(trialId(reordered)).toBe(trialId(spec));
});

test('a stopped trial has no record and continues from where it stopped', async () => {
  const spec = specOf(plan, { rank: 2, steps: 4000 }, 0, common);
  const controller = new AbortController();
  const stopped = await runTrial(spec, context, {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  expect(stopped).toBeUndefined();
  const folder = join(plan.setup.out, 'trials', trialId(spec));
  const { manifest } = await openRun(folder);
  expect(manifest.status).toBe('stopped');
  expect((await runTrial(spec, context))!.status).toBe('complete');
  expect((await openRun(folder)).manifest.training!.stepsDone).toBe(4000);
});

test('a base or images that changed since the sweep began are refused', async () => {
  const spec = specOf(plan, { rank: 2, steps: 10 }, 0, common);
  await expect(runTrial({ ...spec, base: 'f'.repeat(64) }, context)).rejects.toThrow(
    /base: the base changed during the sweep; its content hash is [0-9a-f]{12}, not ffffffffffff/,
  );
  const data = { ...spec.data, train: 'f'.repeat(64) };
  await expect(runTrial({ ...spec, data }, context)).rejects.toThrow(/the images changed during the sweep/);
});

test('settings out of range are refused before any training', () => {
  expect(() => specOf(plan, { replay: 2 }, 0, common)).toThrow(/replay/);
  expect(() => specOf(plan, { rank: 0 }, 0, common)).toThrow(/rank/);
});
