import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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

  test('checkpoints of a run of the same name stay', async () => {
    const folder = await temporaryFolder();
    const checkpoint = join(folder, 'set.partial-999999999-00000000');
    await mkdir(checkpoint);
    await writeFile(join(checkpoint, 'run.json'), '{}');
    await writeFolderAtomic(join(folder, 'set'), pair('new'));
    expect(existsSync(checkpoint)).toBe(true);
  });
});
