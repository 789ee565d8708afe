import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CheckpointError, UsageError } from '../../src/errors.ts';
import type { RunManifest } from '../../src/runs/manifest.ts';
import { RunWriter } from '../../src/runs/run-writer.ts';
import { moveIntoPlace, replaceRun, type Unfinished, unfinishedAt } from '../../src/runs/unfinished.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** The manifest of a training, created at a second of 2026. */
function training(second: number, options: Record<string, unknown> = {}): RunManifest {
  return {
    format: 'tfjs-lora run',
    formatVersion: 1,
    command: 'pretrain',
    status: 'stopped',
    createdAt: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`,
    options,
    seed: 0,
    versions: {},
    contentHash: 'abc',
    classNames: ['0', '1'],
    normalization: { mean: 0, std: 1 },
    training: { engine: 'eager', device: 'cpu', batchSize: 10, steps: 60, stepsDone: second, elapsedMs: 1 },
  };
}

const GONE = 999_999_999;

/** Creates the staging folder that a process left for the run `mine`; without a manifest before its first checkpoint. */
async function leave(cwd: string, manifest?: RunManifest, pid = GONE, random = '00000000'): Promise<string> {
  const folder = join(cwd, `mine.partial-${pid}-${random}`);
  await mkdir(folder);
  if (manifest) await writeFile(join(folder, 'run.json'), JSON.stringify(manifest));
  return folder;
}

async function resumeUnfinished(path: string): Promise<Unfinished | undefined> {
  const unfinished = await unfinishedAt(path);
  if (unfinished) await moveIntoPlace(path, unfinished);
  return unfinished;
}

async function putInPlace(cwd: string, manifest: RunManifest): Promise<void> {
  await mkdir(join(cwd, 'mine'));
  await writeFile(join(cwd, 'mine', 'run.json'), JSON.stringify(manifest));
}

const create = (cwd: string, overwrite?: boolean, onNotice?: (message: string) => void) =>
  RunWriter.create({ out: 'mine', cwd, overwrite, onNotice });
const stepInPlace = async (cwd: string) =>
  JSON.parse(await readFile(join(cwd, 'mine', 'run.json'), 'utf8')).training.stepsDone;

describe('an unfinished training', () => {
  test('is moved to the run folder, the newest of several checkpoints', async () => {
    const cwd = await temporaryFolder();
    await leave(cwd);
    for (const second of [3, 7, 5]) await leave(cwd, training(second), GONE, `0000000${second}`);
    const found = await resumeUnfinished(join(cwd, 'mine'));
    expect(found).toMatchObject({ command: 'pretrain', training: { stepsDone: 7 } });
    expect(await stepInPlace(cwd)).toBe(7);
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test.each([
    ['a run to overwrite', training(3), { overwrite: true }, 7],
    ['the run that it resumed', training(3), { resume: true }, 7],
    ['a newer run', training(9), { overwrite: true }, 9],
    ['a run that another process created in the meantime', training(3), {}, 3],
  ])(
    'replaces an existing run only if it is older and was to be replaced: %s',
    async (_, inPlace, options, expected) => {
      const cwd = await temporaryFolder();
      await putInPlace(cwd, inPlace);
      await leave(cwd, training(7, options));
      await resumeUnfinished(join(cwd, 'mine'));
      expect(await stepInPlace(cwd)).toBe(expected);
      expect((await readdir(cwd)).length).toBe(expected === 7 ? 1 : 2);
    },
  );

  test('does not replace a run whose replacement was interrupted', async () => {
    const cwd = await temporaryFolder();
    await putInPlace(cwd, training(3));
    await rename(join(cwd, 'mine'), join(cwd, `mine.replaced-${GONE}-00000000`));
    await leave(cwd, training(7));
    expect(await resumeUnfinished(join(cwd, 'mine'))).toBeUndefined();
    expect(await stepInPlace(cwd)).toBe(3);
  });

  test('leaves a run unchanged while another process replaces it', async () => {
    const cwd = await temporaryFolder();
    const old = join(cwd, `mine.replaced-${process.ppid}-00000000`);
    await putInPlace(cwd, training(3));
    await utimes(join(cwd, 'mine'), 0, 0);
    await rename(join(cwd, 'mine'), old);
    await expect(resumeUnfinished(join(cwd, 'mine'))).rejects.toThrow(/is writing this run/);
    expect(existsSync(old)).toBe(true);
  });

  test('is an error that names the run if an interrupted replacement cannot be undone', async () => {
    const cwd = await temporaryFolder();
    await putInPlace(cwd, training(3));
    await rename(join(cwd, 'mine'), join(cwd, `mine.replaced-${GONE}-00000000`));
    await symlink('nowhere', join(cwd, 'mine'));
    await expect(resumeUnfinished(join(cwd, 'mine'))).rejects.toThrow(CheckpointError);
  });

  test('does not restore a partly deleted run', async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, `mine.replaced-${GONE}-00000000`, 'model'), { recursive: true });
    expect(await resumeUnfinished(join(cwd, 'mine'))).toBeUndefined();
    expect(existsSync(join(cwd, 'mine'))).toBe(false);
    await (await create(cwd)).discard();
    expect(await readdir(cwd)).toEqual([]);
  });

  test('that cannot be moved leaves the existing run unchanged', async () => {
    const cwd = await temporaryFolder();
    await putInPlace(cwd, training(3));
    await expect(replaceRun(join(cwd, 'mine'), join(cwd, 'nowhere'))).rejects.toThrow(/ENOENT/);
    expect(await readdir(cwd)).toEqual(['mine']);
    expect(await stepInPlace(cwd)).toBe(3);
  });

  test('never replaces a folder that is not a run', async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, 'mine'));
    await writeFile(join(cwd, 'mine', 'thesis.txt'), 'x');
    await leave(cwd, training(7, { overwrite: true }));
    expect(await resumeUnfinished(join(cwd, 'mine'))).toBeUndefined();
    expect(await readdir(join(cwd, 'mine'))).toEqual(['thesis.txt']);
  });

  test('is left alone while its process is running', async () => {
    const cwd = await temporaryFolder();
    const folder = await leave(cwd, training(7), process.ppid);
    const message = new RegExp(`process ${process.ppid} is writing this run \\(mine.partial-`);
    await expect(resumeUnfinished(join(cwd, 'mine'))).rejects.toThrow(message);
    await expect(create(cwd, true)).rejects.toThrow(message);
    expect(existsSync(folder)).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')('is found if its process id was reused', async () => {
    const cwd = await temporaryFolder();
    const folder = await leave(cwd, training(7), process.ppid);
    await utimes(folder, 0, 0);
    expect(await resumeUnfinished(join(cwd, 'mine'))).toMatchObject({ training: { stepsDone: 7 } });
    await leave(cwd, training(9, { resume: true }), process.pid);
    expect(await resumeUnfinished(join(cwd, 'mine'))).toMatchObject({ training: { stepsDone: 9 } });
  });

  test.skipIf(process.platform !== 'linux')('is found if its process is a zombie', async () => {
    const cwd = await temporaryFolder();
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30']);
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [first] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(first.toString());
    await vi.waitFor(async () => expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '));
    await leave(cwd, training(7), pid);
    expect(await resumeUnfinished(join(cwd, 'mine'))).toMatchObject({ training: { stepsDone: 7 } });
  });

  test('is replaced or deleted by a new run only with overwrite', async () => {
    const cwd = await temporaryFolder();
    const folder = await leave(cwd, training(7));
    await expect(create(cwd)).rejects.toThrow(UsageError);
    await expect(create(cwd)).rejects.toThrow(/^mine: an unfinished pretrain is there/);
    expect(existsSync(folder)).toBe(true);
    const notices: string[] = [];
    await (await create(cwd, true, (message) => notices.push(message))).discard();
    expect(notices).toEqual([
      'note: mine: an unfinished pretrain is there (last checkpoint at step 7 of 60); it is deleted',
    ]);
    expect(await readdir(cwd)).toEqual([]);
  });

  test('of a newer version is left unchanged and reported', async () => {
    const cwd = await temporaryFolder();
    const newer = { ...training(7), formatVersion: 2 } as unknown as RunManifest;
    const folder = await leave(cwd, newer);
    for (const overwrite of [false, true]) {
      await expect(create(cwd, overwrite)).rejects.toThrow(/format version 2 is too new/);
    }
    expect(existsSync(folder)).toBe(true);
  });
});

describe('a checkpoint', () => {
  const write = (text: string) => async (folder: string) => {
    await writeFile(join(folder, 'note.txt'), text);
  };
  /** The content of the checkpoints of the run. */
  async function checkpoints(cwd: string): Promise<string[]> {
    const folders = (await readdir(cwd)).map((entry) => join(cwd, entry));
    const whole = folders.filter((folder) => existsSync(join(folder, 'run.json')));
    return Promise.all(whole.map((folder) => readFile(join(folder, 'note.txt'), 'utf8')));
  }

  test('replaces the previous one when it is complete, and is removed by the commit', async () => {
    const cwd = await temporaryFolder();
    const writer = await create(cwd);
    await writer.saveCheckpoint(training(1), write('one'));
    await writer.saveCheckpoint(training(2), async (folder) => {
      expect(await checkpoints(cwd)).toEqual(['one']);
      await write('two')(folder);
    });
    expect(await checkpoints(cwd)).toEqual(['two']);
    expect(writer.checkpoint).toEqual(training(2));
    await writer.commit(training(3));
    expect(await readdir(cwd)).toEqual(['mine']);
    expect(await readdir(join(cwd, 'mine'))).toEqual(['run.json']);
    expect(writer.checkpoint).toBeUndefined();
  });

  test('that cannot be written leaves only the previous one', async () => {
    const cwd = await temporaryFolder();
    const writer = await create(cwd);
    await writer.saveCheckpoint(training(1), write('one'));
    const full = new CheckpointError('file-unwritable', 'the disk is full');
    const failing = writer.saveCheckpoint(training(2), async (folder) => {
      await write('two')(folder);
      throw full;
    });
    await expect(failing).rejects.toBe(full);
    expect(await checkpoints(cwd)).toEqual(['one']);
    expect((await readdir(cwd)).length).toBe(2);
    expect(writer.checkpoint).toEqual(training(1));
  });

  test('is kept if the work fails', async () => {
    const cwd = await temporaryFolder();
    const writer = await create(cwd);
    await writer.saveCheckpoint(training(5), write('one'));
    await writer.discard();
    expect(await resumeUnfinished(join(cwd, 'mine'))).toMatchObject({ training: { stepsDone: 5 } });
    expect((await readdir(join(cwd, 'mine'))).sort()).toEqual(['note.txt', 'run.json']);
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test('reserves the number of a run in the default folder', async () => {
    const cwd = await temporaryFolder();
    const [first, second] = [
      await RunWriter.create({ out: 'runs/pretrain', numbered: true, cwd }),
      await RunWriter.create({ out: 'runs/pretrain', numbered: true, cwd }),
    ];
    await second.saveCheckpoint(training(5), write('second'));
    await first.commit(training(9));
    await second.discard();
    await resumeUnfinished(join(cwd, 'runs', 'pretrain-2'));
    expect((await readdir(join(cwd, 'runs'))).sort()).toEqual(['pretrain', 'pretrain-2']);
  });
});
