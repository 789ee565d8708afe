import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ensureDir } from '../../src/files/ensure-dir.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

describe('makeFolder', () => {
  test('makes the folders above as well, and says which is the topmost that it made', async () => {
    const folder = await temporaryFolder();
    expect(await ensureDir(join(folder, 'a', 'b', 'c'))).toBe(join(folder, 'a'));
    expect(existsSync(join(folder, 'a', 'b', 'c'))).toBe(true);
    expect(await ensureDir(join(folder, 'a', 'd'))).toBe(join(folder, 'a', 'd'));
  });

  test('takes a folder that is there, also behind a link', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    expect(await ensureDir(join(folder, 'link'))).toBeUndefined();
    expect(await ensureDir('/')).toBeUndefined();
  });

  test('makes a folder that several ask for at once', async () => {
    const path = join(await temporaryFolder(), 'a', 'b');
    const made = await Promise.all([ensureDir(path), ensureDir(path), ensureDir(path)]);
    expect(existsSync(path)).toBe(true);
    expect(made).toContain(join(path, '..'));
  });

  test.each([
    ['a file', '', 'EEXIST'],
    ['a path through a file', 'below', 'ENOTDIR'],
  ])('refuses %s', async (_, below, code) => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(ensureDir(join(file, below))).rejects.toMatchObject({ code });
  });

  test.runIf(process.platform === 'linux').each(['/proc/tfjs-lora', '/proc/tfjs-lora/a/b'])(
    'ends where no folders can be made: %s',
    async (path) => {
      await expect(ensureDir(path)).rejects.toMatchObject({ code: 'ENOTSUP' });
    },
  );
});
