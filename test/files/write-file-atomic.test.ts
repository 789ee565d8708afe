import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transpile } from 'typescript';
import { expect, test } from 'vitest';
import { writeFileAtomic } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('replaces the content of a file and leaves no temporary file behind', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'file');
  await writeFileAtomic(path, 'first');
  await writeFileAtomic(path, new Uint8Array([1, 2, 3]));
  expect([...(await readFile(path))]).toEqual([1, 2, 3]);
  await writeFileAtomic(path, ['one\n', 'two']);
  expect(await readFile(path, 'utf8')).toBe('one\ntwo');
  expect(await readdir(folder)).toEqual(['file']);
});

test('rejects if the system writes only a part of the bytes, and keeps the old file', async () => {
  const folder = await temporaryFolder();
  const source = await readFile('src/files/write-file-atomic.ts', 'utf8');
  await writeFile(join(folder, 'write-file-atomic.mjs'), transpile(source, { module: 99, target: 99 }));
  await writeFile(join(folder, 'file'), 'before');
  const script = `import { writeFileAtomic } from './write-file-atomic.mjs';
    await writeFileAtomic('file', new Uint8Array(1_000_000)).catch((error) => console.log(error.code));`;
  // With a limit on the size of files, the write that crosses it is short, as on a full disk.
  const limited = 'ulimit -f 100 && exec "$0" --input-type=module --eval "$1"';
  const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, script], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stdout.trim()).toBe('EFBIG');
  expect(await readFile(join(folder, 'file'), 'utf8')).toBe('before');
  expect((await readdir(folder)).sort()).toEqual(['file', 'write-file-atomic.mjs']);
});
