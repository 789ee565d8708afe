import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { recoverFolder } from '../../src/files/index.ts';
import { useBuild } from '../helpers/build.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const FILES = ['config', 'weights'];

/** Replaces the folder `set` and kills itself before the n-th operation of the file system; prints a line if it ends. */
const SCRIPT = `import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  let operations = 0;
  for (const name of ['rename', 'mkdir', 'open', 'rm', 'link', 'rmdir', 'readdir']) {
    const original = fs.promises[name];
    fs.promises[name] = async (...args) => {
      if (++operations === Number(process.argv[1])) process.kill(process.pid, 'SIGKILL');
      return await original(...args);
    };
  }
  syncBuiltinESMExports();
  const { writeFileAtomic, writeFolderAtomic } = await import(${JSON.stringify(resolve('dist/files/index.js'))});
  await writeFolderAtomic('set', async (folder) => {
    for (const name of ${JSON.stringify(FILES)}) await writeFileAtomic(folder + '/' + name, 'new');
  });
  console.log('written');`;

useBuild();

test('a kill before any operation leaves all old or all new files', { timeout: 120_000 }, async () => {
  const contents = new Set<string>();
  for (let operation = 1, ended = false; !ended; operation++) {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, 'set'));
    for (const name of [...FILES, 'other']) await writeFile(join(cwd, 'set', name), 'old');
    const argv = ['--input-type=module', '--eval', SCRIPT, String(operation)];
    const { stdout } = await execa(process.execPath, argv, { cwd, reject: false });
    ended = stdout === 'written';
    await recoverFolder(join(cwd, 'set'));
    expect(await readdir(cwd)).toEqual(['set']);
    expect((await readdir(join(cwd, 'set'))).sort()).toEqual([...FILES, 'other'].sort());
    const [config, weights] = await Promise.all(
      FILES.map((name) => readFile(join(cwd, 'set', name), 'utf8')),
    );
    expect(weights).toBe(config);
    contents.add(config!);
  }
  expect([...contents]).toEqual(['old', 'new']);
});
