import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/errors.ts';
import type { RunManifest } from '../../src/runs/manifest.ts';
import { RunWriter } from '../../src/runs/run-writer.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const manifest: RunManifest = {
  format: 'tfjs-lora run',
  formatVersion: 1,
  command: 'pretrain',
  status: 'complete',
  createdAt: '2026-01-01T00:00:00.000Z',
  options: {},
  seed: 0,
  versions: {},
  contentHash: 'abc',
  classNames: ['0', '1'],
  normalization: { mean: 0, std: 1 },
};

describe('RunWriter', () => {
  test('shows nothing at the target before commit, and all of it after', async () => {
    const cwd = await temporaryFolder();
    const writer = await RunWriter.create({ out: 'mine', cwd });
    await writeFile(writer.path('note.txt'), 'x');
    expect(existsSync(join(cwd, 'mine'))).toBe(false);
    expect(await writer.commit(manifest)).toBe(join(cwd, 'mine'));
    expect(await readdir(join(cwd, 'mine'))).toEqual(['note.txt', 'run.json']);
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test('replaces the run behind a link, and leaves the link', async () => {
    const cwd = await temporaryFolder();
    await (await RunWriter.create({ out: 'disk/real', cwd })).commit(manifest);
    await symlink(join('disk', 'real'), join(cwd, 'link'));
    const writer = await RunWriter.create({ out: 'link', cwd, overwrite: true });
    await writeFile(writer.path('note.txt'), 'x');
    await writer.commit(manifest);
    expect((await lstat(join(cwd, 'link'))).isSymbolicLink()).toBe(true);
    expect(await readdir(join(cwd, 'disk', 'real'))).toEqual(['note.txt', 'run.json']);
    expect(await readdir(join(cwd, 'disk'))).toEqual(['real']);
  });

  test('skips numbers that a link or a file has taken', async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, 'runs'));
    await symlink(cwd, join(cwd, 'runs', 'pretrain'));
    await writeFile(join(cwd, 'runs', 'pretrain-2'), '');
    const writer = await RunWriter.create({ out: 'runs/pretrain', numbered: true, cwd });
    expect(await writer.commit(manifest)).toBe(join(cwd, 'runs', 'pretrain-3'));
  });

  test('numbers runs without a name', async () => {
    const cwd = await temporaryFolder();
    const folders = [];
    for (let count = 0; count < 3; count++) {
      folders.push(
        await (await RunWriter.create({ out: 'runs/pretrain', numbered: true, cwd })).commit(manifest),
      );
    }
    expect(folders.map((folder) => folder.slice(cwd.length))).toEqual([
      '/runs/pretrain',
      '/runs/pretrain-2',
      '/runs/pretrain-3',
    ]);
  });

  test('gives two writers at once two folders', async () => {
    const cwd = await temporaryFolder();
    const target = { out: 'runs/pretrain', numbered: true, cwd };
    const writers = await Promise.all([RunWriter.create(target), RunWriter.create(target)]);
    const folders = await Promise.all(writers.map((writer) => writer.commit(manifest)));
    expect(new Set(folders).size).toBe(2);
  });

  test('leaves nothing behind when discarded', async () => {
    const cwd = await temporaryFolder();
    const writer = await RunWriter.create({ out: 'mine', cwd });
    await writer.discard();
    expect(await readdir(cwd)).toEqual([]);
  });

  test('replaces an existing run only with overwrite', async () => {
    const cwd = await temporaryFolder();
    const target = { out: 'mine', cwd };
    await (await RunWriter.create(target)).commit(manifest);
    await expect(RunWriter.create(target)).rejects.toThrow(/a run is already there/);
    const writer = await RunWriter.create({ ...target, overwrite: true });
    expect(existsSync(join(cwd, 'mine', 'run.json'))).toBe(true);
    await writer.commit({ ...manifest, seed: 7 });
    expect(JSON.parse(await readFile(join(cwd, 'mine', 'run.json'), 'utf8')).seed).toBe(7);
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test('never replaces a folder that is not a run', async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, 'mine'));
    await writeFile(join(cwd, 'mine', 'thesis.txt'), 'x');
    const creating = RunWriter.create({ out: 'mine', cwd, overwrite: true });
    await expect(creating).rejects.toThrow(UsageError);
    expect(await readdir(join(cwd, 'mine'))).toEqual(['thesis.txt']);
  });

  test('rejects a target that cannot be written', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'file'), '');
    const creating = RunWriter.create({ out: 'file/run', cwd });
    await expect(creating).rejects.toThrow(CheckpointError);
    await expect(creating).rejects.toThrow(/file\/run.*a part of the path is a file/);
  });

  test.each(['nowhere', 'mine'])('refuses a link to %s at the start', async (link) => {
    const cwd = await temporaryFolder();
    await symlink(link, join(cwd, 'mine'));
    for (const overwrite of [false, true]) {
      const creating = RunWriter.create({ out: 'mine', cwd, overwrite });
      await expect(creating).rejects.toThrow(CheckpointError);
      await expect(creating).rejects.toThrow(`mine: a link to ${link}, which does not exist`);
    }
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test('keeps the whole run in its staging folder if it cannot be moved to its place', async () => {
    const cwd = await temporaryFolder();
    const writer = await RunWriter.create({ out: 'mine', cwd });
    await symlink('nowhere', join(cwd, 'mine'));
    await expect(writer.commit(manifest)).rejects.toThrow(`the run is kept in ${writer.staging}`);
    await writer.discard();
    expect(await readdir(writer.staging)).toEqual(['run.json']);
  });

  test('keeps the new run in another folder if the target was created meanwhile', async () => {
    const cwd = await temporaryFolder();
    const writer = await RunWriter.create({ out: 'mine', cwd });
    await mkdir(join(cwd, 'mine'));
    await writeFile(join(cwd, 'mine', 'thesis.txt'), '');
    await expect(writer.commit(manifest)).rejects.toThrow(/created by another process meanwhile.*mine-2/);
    await writer.discard();
    expect((await readdir(cwd)).sort()).toEqual(['mine', 'mine-2']);
    expect(existsSync(join(cwd, 'mine-2', 'run.json'))).toBe(true);
  });

  test.each([false, true])('rejects a second writer of the same run (overwrite: %s)', async (overwrite) => {
    const cwd = await temporaryFolder();
    const first = await RunWriter.create({ out: 'mine', cwd });
    const second = RunWriter.create({ out: 'mine', cwd, overwrite });
    await expect(second).rejects.toMatchObject({ code: 'run-in-use', exitCode: 2 });
    await expect(second).rejects.toThrow(`process ${process.pid} is writing this run (mine.partial-`);
    await first.commit(manifest);
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test('restores a run that a killed process was replacing', async () => {
    const cwd = await temporaryFolder();
    const target = { out: 'mine', cwd };
    await (await RunWriter.create(target)).commit(manifest);
    await rename(join(cwd, 'mine'), join(cwd, 'mine.replaced-999999999-00000000'));
    await expect(RunWriter.create(target)).rejects.toThrow(/a run is already there/);
    expect(await readdir(cwd)).toEqual(['mine']);
  });

  test('removes the staging folder of a killed process', async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, 'mine.partial-999999999-00000000'));
    await (await RunWriter.create({ out: 'mine', cwd })).discard();
    expect(await readdir(cwd)).toEqual([]);
  });
});
