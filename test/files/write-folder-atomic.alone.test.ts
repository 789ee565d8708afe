import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { recoverFolder, writeFileAtomic, writeFolderAtomic } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const pair = (content: string) => async (folder: string) => {
  await writeFileAtomic(join(folder, 'config'), content);
  await writeFileAtomic(join(folder, 'weights'), content);
};
const failing = async (folder: string) => {
  await writeFileAtomic(join(folder, 'config'), 'new');
  throw new Error('the disk is full');
};
const text = (...parts: string[]) => readFile(join(...parts), 'utf8');

describe('writeFolderAtomic', () => {
  test('creates a folder and those above it', async () => {
    const folder = await temporaryFolder();
    await writeFolderAtomic(join(folder, 'a', 'set'), pair('new'));
    expect(await text(folder, 'a', 'set', 'weights')).toBe('new');
    expect(await readdir(join(folder, 'a'))).toEqual(['set']);
  });

  test('replaces its files, and keeps other files, folders and links', async () => {
    const folder = await temporaryFolder();
    const set = join(folder, 'set');
    await writeFolderAtomic(set, pair('old'));
    await mkdir(join(set, 'other'));
    await writeFile(join(set, 'other', 'file'), 'other');
    await writeFile(join(set, 'README'), 'kept');
    await writeFile(join(set, 'dropped'), '');
    await symlink('nowhere', join(set, 'link'));
    await writeFolderAtomic(set, pair('new'), { drop: (name) => name === 'dropped' });
    expect((await readdir(set)).sort()).toEqual(['README', 'config', 'link', 'other', 'weights']);
    expect(await text(set, 'config')).toBe('new');
    expect(await text(set, 'README')).toBe('kept');
    expect(await text(set, 'other', 'file')).toBe('other');
    expect(await readdir(folder)).toEqual(['set']);
  });

  test('shares the content of files that it keeps, in subfolders too', async () => {
    const set = join(await temporaryFolder(), 'set');
    await mkdir(join(set, 'a', 'b'), { recursive: true });
    for (const name of ['file', join('a', 'file'), join('a', 'b', 'file'), 'config'])
      await writeFile(join(set, name), name);
    const inodes = async () =>
      Promise.all(
        ['file', join('a', 'file'), join('a', 'b', 'file')].map((name) => stat(join(set, name))),
      ).then((all) => all.map(({ ino }) => ino));
    const before = await inodes();
    await writeFolderAtomic(set, async (folder) => {
      await pair('new')(folder);
      await mkdir(join(folder, 'a'));
      await writeFile(join(folder, 'a', 'own'), 'new');
    });
    expect(await inodes()).toEqual(before);
    expect((await readdir(join(set, 'a'))).sort()).toEqual(['b', 'file', 'own']);
    expect(await text(set, 'config')).toBe('new');
  });

  test('puts a new file in the place of a folder of the same name', async () => {
    const set = join(await temporaryFolder(), 'set');
    await mkdir(join(set, 'config', 'x'), { recursive: true });
    await writeFolderAtomic(set, pair('new'));
    expect(await text(set, 'config')).toBe('new');
  });

  test('names the folder and not its temporary name in an error', async () => {
    const set = join(await temporaryFolder(), 'set');
    const writing = writeFolderAtomic(set, async (folder) => {
      await readFile(join(folder, 'missing'));
    });
    await expect(writing).rejects.toThrowError(join(set, 'missing'));
    await expect(writing).rejects.toThrowError(/^(?!.*partial)/);
  });

  test('leaves no file and no folder behind if writing fails', async () => {
    const folder = await temporaryFolder();
    await expect(writeFolderAtomic(join(folder, 'a', 'set'), failing)).rejects.toThrowError('disk is full');
    expect(await readdir(folder)).toEqual([]);
    await writeFolderAtomic(join(folder, 'set'), pair('old'));
    await expect(writeFolderAtomic(join(folder, 'set'), failing)).rejects.toThrowError('disk is full');
    expect(await readdir(folder)).toEqual(['set']);
    expect(await text(folder, 'set', 'config')).toBe('old');
  });

  test('replaces the folder behind a link', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'link'));
    await writeFolderAtomic(join(folder, 'link'), pair('new'));
    expect(await text(folder, 'real', 'config')).toBe('new');
    expect((await readdir(folder)).sort()).toEqual(['link', 'real']);
  });

  test('replaces the files of the working directory one by one', async () => {
    const folder = await temporaryFolder();
    const set = join(folder, 'set');
    await mkdir(join(set, 'below'), { recursive: true });
    const { ino } = await stat(set);
    for (const name of ['dropped', 'kept', 'config']) await writeFile(join(set, name), 'old');
    for (const cwd of [set, join(set, 'below')]) {
      const spy = vi.spyOn(process, 'cwd').mockReturnValue(cwd);
      onTestFinished(() => spy.mockRestore());
      const failingWithMore = async (path: string) => {
        await writeFile(join(path, 'more'), '');
        await failing(path);
      };
      await expect(writeFolderAtomic(set, failingWithMore)).rejects.toThrowError('disk is full');
      expect((await readdir(set)).sort()).toEqual(['below', 'config', 'dropped', 'kept']);
    }
    await writeFolderAtomic(set, pair('new'), { drop: (name) => name === 'dropped' });
    expect((await readdir(set)).sort()).toEqual(['below', 'config', 'kept', 'weights']);
    expect([await text(set, 'config'), await text(set, 'kept')]).toEqual(['new', 'old']);
    expect((await stat(set)).ino).toBe(ino);
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    await writeFolderAtomic(set, pair('newer'));
    expect((await stat(set)).ino).not.toBe(ino);
  });

  test.skipIf(process.getuid?.() === 0)('writes into a folder whose parent is read-only', async () => {
    const folder = await temporaryFolder();
    await writeFolderAtomic(join(folder, 'set'), pair('old'));
    await chmod(folder, 0o555);
    await expect(writeFolderAtomic(join(folder, 'set'), failing)).rejects.toThrowError('disk is full');
    await writeFolderAtomic(join(folder, 'set'), pair('new'), { drop: () => false });
    await chmod(folder, 0o755);
    expect(await text(folder, 'set', 'weights')).toBe('new');
  });
});

describe('after a process was killed', () => {
  test('before its files were complete, they are removed', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'set.partial-999999999-00000000'));
    await writeFolderAtomic(join(folder, 'set'), pair('new'));
    expect(await readdir(folder)).toEqual(['set']);
  });

  test('between its two renames, the old folder is put back', async () => {
    const folder = await temporaryFolder();
    const set = join(folder, 'set');
    await writeFolderAtomic(set, pair('old'));
    await rename(set, `${set}.replaced-999999999-00000000`);
    await mkdir(`${set}.partial-999999999-00000001`);
    await recoverFolder(set);
    expect(await readdir(folder)).toEqual(['set']);
    expect(await text(set, 'config')).toBe('old');
  });

  test('what another process is writing stays', async () => {
    const folder = await temporaryFolder();
    const names = [`set.partial-${process.ppid}-00000000`, `set.replaced-${process.ppid}-00000000`];
    for (const name of names) await mkdir(join(folder, name));
    await recoverFolder(join(folder, 'set'));
    expect((await readdir(folder)).sort()).toEqual(names);
  });

  test('what a process with a reused number is said to write is removed', async () => {
    const folder = await temporaryFolder();
    const set = join(folder, 'set');
    await writeFolderAtomic(set, pair('new'));
    const [partial, replaced] = ['partial', 'replaced'].map((kind) => `set.${kind}-${process.ppid}-00000000`);
    for (const name of [partial!, replaced!]) {
      await mkdir(join(folder, name));
      // Long before the process started. Moving a folder aside keeps this time, so that it does not count.
      await utimes(join(folder, name), 0, 0);
    }
    await recoverFolder(set);
    expect((await readdir(folder)).sort()).toEqual(['set', replaced]);
  });

  test('an old folder is removed if a new one is in its place', async () => {
    const folder = await temporaryFolder();
    const set = join(folder, 'set');
    await writeFolderAtomic(set, pair('new'));
    await mkdir(`${set}.replaced-999999999-00000000`);
    await recoverFolder(set);
    expect(await readdir(folder)).toEqual(['set']);
    expect(await text(set, 'config')).toBe('new');
  });

  test('checkpoints of a run of the same name stay', async () => {
    const folder = await temporaryFolder();
    const checkpoint = join(folder, 'set.partial-999999999-00000000');
    await mkdir(checkpoint);
    await writeFile(join(checkpoint, 'run.json'), '{}');
    await writeFolderAtomic(join(folder, 'set'), pair('new'));
    expect(existsSync(checkpoint)).toBe(true);
  });
});
