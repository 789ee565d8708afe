import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renameDurably, syncFolder } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('renameDurably renames files and folders, and reports what cannot be renamed', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'old'));
  await renameDurably(join(folder, 'file'), join(folder, 'old', 'file'));
  await renameDurably(join(folder, 'old'), join(folder, 'new'));
  expect(await readdir(folder, { recursive: true })).toEqual(['new', join('new', 'file')]);
  await expect(renameDurably(join(folder, 'missing'), join(folder, 'x'))).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

test.skipIf(process.platform === 'win32')('syncFolder reports a folder that does not exist', async () => {
  await expect(syncFolder(join(await temporaryFolder(), 'missing'))).rejects.toMatchObject({
    code: 'ENOENT',
  });
});
