import { spawnSync } from 'node:child_process';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transpile } from 'typescript';
import { expect, test } from 'vitest';
import { writeFileAtomic } from '../../src/files/index.ts';
import { keptFolder, temporaryFolder } from '../helpers/temporary.ts';

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
  const code = await keptFolder();
  for (const name of ['write-file-atomic', 'ensure-dir', 'sync-folder', 'process', 'temporary']) {
    const source = (await readFile(`src/files/${name}.ts`, 'utf8')).replace(
      /(from '\.\/[\w-]+)\.ts'/g,
      "$1.mjs'",
    );
    await writeFile(join(code, `${name}.mjs`), transpile(source, { module: 99, target: 99 }));
  }
  await writeFile(join(folder, 'file'), 'before');
  const script = `import { writeFileAtomic } from '${code}/write-file-atomic.mjs';
    await writeFileAtomic('file', new Uint8Array(1_000_000)).catch((error) => console.log(error.code));`;
  // With a limit on the size of files, the write that crosses it is short, as on a full disk.
  const limited = 'ulimit -f 100 && exec "$0" --input-type=module --eval "$1"';
  const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, script], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stdout.trim()).toBe('EFBIG');
  expect(await readFile(join(folder, 'file'), 'utf8')).toBe('before');
  expect(await readdir(folder)).toEqual(['file']);
});

test('removes what killed processes left of the same file, and nothing else', async () => {
  const folder = await temporaryFolder();
  const others = [
    'file.partial-999999999-00000000x', // not such a name
    'other.partial-999999999-00000000', // of another file
    'file.x.partial-999999999-00000000', // of a file whose name starts in the same way
    `file.partial-${process.ppid}-00000000`, // of a process that runs
  ];
  for (const name of ['file.partial-999999999-00000000', `file.partial-${process.pid}-00000000`, ...others]) {
    await writeFile(join(folder, name), 'left');
  }
  const run = 'file.partial-999999999-11111111';
  await mkdir(join(folder, run));
  await writeFileAtomic(join(folder, 'file'), 'new');
  expect((await readdir(folder)).sort()).toEqual(['file', run, ...others].sort());
});

test('rejects a folder that does not exist', async () => {
  const folder = await temporaryFolder();
  await expect(writeFileAtomic(join(folder, 'a', 'file'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(folder)).toEqual([]);
});

test('closes its files', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'file');
  const firstDescriptor = await nextDescriptor(folder);
  for (let count = 0; count < 50; count++) await writeFileAtomic(path, 'x');
  expect(await nextDescriptor(folder)).toBeLessThan(firstDescriptor + 20);
});

test('creates the folders above with parents, and removes them again if writing fails', async () => {
  const folder = await temporaryFolder();
  await writeFileAtomic(join(folder, 'a', 'b', 'file'), 'x', { parents: true });
  expect(await readFile(join(folder, 'a', 'b', 'file'), 'utf8')).toBe('x');
  const tooLong = join(folder, 'c', 'd', 'x'.repeat(300));
  await expect(writeFileAtomic(tooLong, 'x', { parents: true })).rejects.toMatchObject({
    code: 'ENAMETOOLONG',
  });
  expect(await readdir(folder)).toEqual(['a']);
});

/** The descriptor of the next file that is opened: it grows with every file that stays open. */
async function nextDescriptor(path: string): Promise<number> {
  const file = await open(path);
  const { fd } = file;
  await file.close();
  return fd;
}
