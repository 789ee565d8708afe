import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ensureDir, removeEmptyFolders } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

describe('ensureDir', () => {
  test('creates the folder and those above it, and returns the topmost it created', async () => {
    const folder = await temporaryFolder();
    expect(await ensureDir(join(folder, 'a', 'b', 'c'))).toBe(join(folder, 'a'));
    expect(existsSync(join(folder, 'a', 'b', 'c'))).toBe(true);
    expect(await ensureDir(join(folder, 'a', 'd'))).toBe(join(folder, 'a', 'd'));
  });

  test('accepts an existing folder, and a link to one', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    expect(await ensureDir(join(folder, 'link'))).toBeUndefined();
    expect(await ensureDir('/')).toBeUndefined();
  });

  test('can be called several times at once for one folder, and for folders in it', async () => {
    for (let round = 0; round < 50; round++) {
      const path = join(await temporaryFolder(), 'a', 'b');
      const paths = [path, path, join(path, 'c'), join(path, 'd'), path];
      const created = await Promise.all(paths.map((folder) => ensureDir(folder)));
      expect(paths.every((folder) => existsSync(folder))).toBe(true);
      expect(created).toContain(join(path, '..'));
    }
  });

  test.each([
    ['a file', '', 'EEXIST'],
    ['a path through a file', 'below', 'ENOTDIR'],
  ])('rejects %s', async (_, below, code) => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(ensureDir(join(file, below))).rejects.toMatchObject({ code });
  });

  test('rejects a dangling link, and paths below it', async () => {
    const link = join(await temporaryFolder(), 'link');
    await symlink('nowhere', link);
    for (const path of [link, join(link, 'a', 'b')]) {
      await expect(ensureDir(path)).rejects.toMatchObject({ code: 'DANGLING_LINK' });
    }
  });

  test.runIf(process.platform === 'linux').each(['/proc/tfjs-lora', '/proc/tfjs-lora/a/b'])(
    'rejects a path where no folders can be created: %s',
    async (path) => {
      await expect(ensureDir(path)).rejects.toMatchObject({ code: 'ENOTSUP' });
    },
  );
});

describe('removeEmptyFolders', () => {
  test('removes empty folders up to the topmost, and nothing above', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'kept', 'top', 'b', 'c');
    await mkdir(path, { recursive: true });
    await removeEmptyFolders(path, join(folder, 'kept', 'top'));
    expect(existsSync(join(folder, 'kept', 'top'))).toBe(false);
    expect(existsSync(join(folder, 'kept'))).toBe(true);
  });

  test('stops at a folder that is not empty', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'top', 'b', 'c');
    await mkdir(path, { recursive: true });
    await writeFile(join(folder, 'top', 'file'), '');
    await removeEmptyFolders(path, join(folder, 'top'));
    expect(existsSync(join(folder, 'top', 'file'))).toBe(true);
    expect(existsSync(join(folder, 'top', 'b'))).toBe(false);
  });

  test('removes nothing if no folder was created', async () => {
    const path = join(await temporaryFolder(), 'a');
    await mkdir(path);
    await removeEmptyFolders(path, undefined);
    expect(existsSync(path)).toBe(true);
  });
});
