import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import { CheckpointError } from '../../src/errors.ts';
import {
  openRun,
  type RunManifest,
  RunWriter,
  readManifest,
  readTrainingFiles,
  saveRun,
} from '../../src/runs/index.ts';
import { smallNet } from '../helpers/small-task.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const LOSSES = Float32Array.of(3, 2, 1);

/** The folder of a run of three classes that was trained for three steps, with a guard. */
let run: string;
beforeEach(async () => {
  const cwd = await temporaryFolder();
  const base = smallNet();
  const manifest: RunManifest = {
    format: 'tfjs-lora run',
    formatVersion: 1,
    command: 'finetune',
    status: 'stopped',
    createdAt: '2026-01-01T00:00:00.000Z',
    options: {},
    seed: 0,
    versions: {},
    contentHash: contentHash(base),
    classNames: ['0', '1', '2'],
    normalization: { mean: 0, std: 1 },
    training: { engine: 'eager', device: 'cpu', batchSize: 1, steps: 9, stepsDone: 3, elapsedMs: 1 },
  };
  const state = { step: 3, weights: new Map([['out/bias', Float32Array.of(1, 2, 3)]]), slots: new Map() };
  const counts = [0, 1, 2].map(() => ({ support: 5, errors: 1 }));
  const guard = { checks: [0, 3].map((step) => ({ step, counts })), best: state };
  const writer = await RunWriter.create({ out: 'run', cwd });
  run = await saveRun(writer, { manifest, base, state, guard, losses: LOSSES });
  base.dispose();
});

async function edit(file: string, change: (content: string) => string): Promise<void> {
  await writeFile(join(run, file), change(await readFile(join(run, file), 'utf8')));
}

const read = async () => await readTrainingFiles(run, await readManifest(run));

describe('a run', () => {
  test('is read as it was written', async () => {
    expect(await read()).toMatchObject({ losses: LOSSES, state: { step: 3 }, guard: { best: { step: 3 } } });
    const { base } = await openRun(run);
    base.dispose();
  });

  test.each([
    ['too few', '"0",', ''],
    ['too many', '"0",', '"0", "zero",'],
  ])('with %s class names is refused when it is opened', async (_, from, to) => {
    await edit('run.json', (text) => text.replace(from, to));
    await expect(openRun(run)).rejects.toThrow(CheckpointError);
    await expect(openRun(run)).rejects.toThrow(/run.json: classNames has \d classes, the model has 3/);
  });

  test.each([
    [
      'steps done',
      'run.json',
      (text: string) => text.replace('"stepsDone": 3', '"stepsDone": 2'),
      'state.safetensors: is of step 3, run.json of step 2',
    ],
    [
      'losses',
      'metrics.jsonl',
      (text: string) => text.slice(0, text.indexOf('\n')),
      'metrics.jsonl: has the losses of 1 steps, run.json has 3',
    ],
    [
      'checks',
      'state/guard.json',
      (text: string) => text.replace('"step": 0', '"step": 7').replace('"step": 3', '"step": 8'),
      'guard.json: none of its checks is of step 3',
    ],
    [
      'classes of the guard',
      'state/guard.json',
      () => '{"support":[5],"checks":[{"step":3,"errors":[1]}]}',
      'guard.json: has 1 classes, run.json has 3',
    ],
  ])('whose files disagree about the %s is refused', async (_, file, change, message) => {
    await edit(file, change);
    await expect(read()).rejects.toThrow(CheckpointError);
    await expect(read()).rejects.toThrow(message);
  });

  test.each(['run.json', 'model/model.json', 'metrics.jsonl', 'state/state.safetensors', 'report.json'])(
    'whose %s is a pipe, a device or a folder is refused',
    async (file) => {
      const path = join(run, file);
      for (const make of [
        async () => void execFileSync('mkfifo', [path]),
        () => symlink('/dev/zero', path),
        () => mkdir(path),
      ]) {
        await rm(path, { recursive: true, force: true });
        await make();
        await expect(readManifest(run)).rejects.toThrow(`${file} is not a regular file`);
      }
    },
  );
});
