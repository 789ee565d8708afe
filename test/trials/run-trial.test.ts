import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadMnist } from '../../src/mnist-data-loader/index.ts';
import { type FinetuneSettings, finetuneSettings, type Given, toJson } from '../../src/recipes/index.ts';
import { openRun } from '../../src/runs/index.ts';
import {
  dataOf,
  holdOut,
  parseSpec,
  readTrial,
  runTrial,
  type TrialContext,
  type TrialSpec,
  trialFile,
  trialId,
} from '../../src/trials/index.ts';
import { version } from '../../src/version.ts';
import { workplaceWithBase } from '../helpers/command.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();
let context: TrialContext;
beforeAll(async () => {
  const cwd = await workplaceWithBase();
  const data = holdOut(await loadMnist({ directory: join(cwd, 'data') }), 0.25);
  const base = await openRun(join(cwd, 'base'));
  context = { out: join(cwd, 'sweep'), base, data, dataHashes: dataOf(data) };
});

function specOf(given: Given<FinetuneSettings> = {}): TrialSpec {
  const { base, dataHashes } = context;
  const settings = toJson(finetuneSettings({ targetLabels: [2, 3], ...given }));
  return { base: base.manifest.contentHash, data: dataHashes, device: 'cpu', settings, version };
}

test('a trial is a run with a record, named by what determines it', async () => {
  const spec = specOf({ lora: { rank: 2 }, steps: 10, seed: 3 });
  const record = (await runTrial(spec, context))!;
  expect(record).toMatchObject({ id: trialId(spec), status: 'complete', spec });
  expect(record.result!.classes).toHaveLength(10);
  expect(record.result!.trainableParameters).toBeGreaterThan(0);
  expect(await readTrial(trialFile(context.out, record.id))).toEqual(record);
  const run = await openRun(join(context.out, 'trials', record.id));
  expect(run.manifest).toMatchObject({ status: 'complete', seed: 3, adapter: { rank: 2 } });
});

test('the name depends on every part of the specification, and not on the order of keys', () => {
  const spec = specOf({ lora: { rank: 2 } });
  const others = [
    specOf({ lora: { rank: 1 } }),
    specOf({ lora: { rank: 2 }, seed: 1 }),
    specOf({ lora: { rank: 2 }, targetLabels: [2] }),
    specOf({ lora: { rank: 2 }, guard: { maxDrop: 0.01 } }),
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
  const spec = specOf({ lora: { rank: 2 }, steps: 4000 });
  const controller = new AbortController();
  const stopped = await runTrial(spec, context, {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  expect(stopped).toBeUndefined();
  const folder = join(context.out, 'trials', trialId(spec));
  const { manifest } = await openRun(folder);
  expect(manifest.status).toBe('stopped');
  expect((await runTrial(spec, context))!.status).toBe('complete');
  expect((await openRun(folder)).manifest.training!.stepsDone).toBe(4000);
});

test('a base or images that changed since the sweep began are refused', async () => {
  const spec = specOf({ lora: { rank: 2 }, steps: 10 });
  await expect(runTrial({ ...spec, base: 'f'.repeat(64) }, context)).rejects.toThrow(
    /base: the base changed during the sweep; its content hash is [0-9a-f]{12}, not ffffffffffff/,
  );
  const data = { ...spec.data, train: 'f'.repeat(64) };
  await expect(runTrial({ ...spec, data }, context)).rejects.toThrow(/the images changed during the sweep/);
});

test('a specification from elsewhere is checked', () => {
  const spec = specOf();
  expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  const changed = (change: object) => () => parseSpec({ ...spec, ...change });
  expect(changed({ base: 'x' })).toThrow(/base: must be/);
  expect(changed({ device: 'tpu' })).toThrow(/device/);
  expect(changed({ run: '/etc' })).toThrow(/run/);
  expect(changed({ settings: { ...spec.settings, replay: 2 } })).toThrow(/replay/);
  expect(changed({ settings: { ...spec.settings, lora: { rank: 0 } } })).toThrow(/rank/);
  expect(changed({ settings: { ...spec.settings, path: '/etc' } })).toThrow(/path/);
});
