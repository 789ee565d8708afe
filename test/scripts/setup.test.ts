import { chmod, copyFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A fresh clone that needs one package, and where npm is a script. */
let clone: string;

const install = 'ci --ignore-scripts --include=dev --loglevel=error';
const build = 'run --silent build';

const fakeNpm = `#!/bin/sh
echo "$*" >> calls
if [ "$1" = ci ]; then
  mkdir -p node_modules/one
  cp package-lock.json node_modules/.package-lock.json
else
  mkdir -p dist/setup dist/cli
  echo "export const isSetUp = () => process.env.READY === 'yes';" > dist/setup/index.js
  echo "export const main = (argv) => { console.log(argv.join(' ')); return 6; };" > dist/cli/main.js
fi
`;

beforeEach(async () => {
  clone = await temporaryFolder();
  await mkdir(join(clone, 'scripts'));
  await mkdir(join(clone, 'src/room'), { recursive: true });
  await copyFile('scripts/setup.mjs', join(clone, 'scripts/setup.mjs'));
  await writeNpm(fakeNpm);
  await lock({ 'node_modules/one': { version: '1.0.0' } });
  for (const name of [
    'tsconfig.json',
    'tsconfig.build.json',
    'vite.page.config.ts',
    'vite.browser.config.ts',
    'vite.charts.config.ts',
    'src/a.ts',
    'src/room/b.ts',
  ]) {
    await writeFile(join(clone, name), name);
  }
});

async function writeNpm(script: string): Promise<void> {
  await writeFile(join(clone, 'npm'), script);
  await chmod(join(clone, 'npm'), 0o755);
}

/** Writes package-lock.json. */
async function lock(packages: object): Promise<void> {
  await writeFile(join(clone, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }));
}

/** Runs set-up. Native TensorFlow is ready, except where `env` says otherwise. */
async function setUp(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  await rm(join(clone, 'calls'), { force: true });
  const result = await execa(process.execPath, [join(clone, 'scripts/setup.mjs'), ...args], {
    env: { PATH: `${clone}:${process.env.PATH}`, READY: 'yes', ...env },
    reject: false,
  });
  const calls = await readFile(join(clone, 'calls'), 'utf8').catch(() => '');
  return { ...result, calls: calls.split('\n').filter(Boolean) };
}

test('installs packages and builds in a fresh clone, and does nothing the next time', async () => {
  expect(await setUp()).toMatchObject({
    exitCode: 0,
    calls: [install, build],
    stderr: 'installing npm packages\nbuilding dist/',
  });
  expect(await setUp()).toMatchObject({ exitCode: 0, calls: [], stdout: '', stderr: '' });
});

test.for<[string, string, () => Promise<void>]>([
  ['a locked version changed', install, () => lock({ 'node_modules/one': { version: '1.0.1' } })],
  [
    'a package was added to the lock file',
    install,
    () => lock({ 'node_modules/one': { version: '1.0.0' }, 'node_modules/two': { version: '2.0.0' } }),
  ],
  [
    'the folder of a package is gone',
    install,
    () => rm(join(clone, 'node_modules/one'), { recursive: true }),
  ],
  ['a source changed', build, () => utimes(join(clone, 'src/a.ts'), 1, 1)],
  ['a source was deleted', build, () => rm(join(clone, 'src/room/b.ts'))],
  ['a source was added', build, () => writeFile(join(clone, 'src/c.ts'), '')],
])('when %s, runs npm %s', async ([, call, change]) => {
  await setUp();
  await change();
  expect((await setUp()).calls).toEqual([call]);
});

test('does not install again for an optional package of another platform', async () => {
  await setUp();
  await lock({
    'node_modules/one': { version: '1.0.0' },
    'node_modules/fsevents': { version: '2.3.3', optional: true },
  });
  expect((await setUp()).calls).toEqual([]);
});

test('runs the set-up command with the same arguments if native TensorFlow is not ready', async () => {
  expect(await setUp(['--device', 'cpu'], { READY: 'no' })).toMatchObject({
    stdout: 'setup --device cpu',
    exitCode: 6,
  });
  expect(await setUp(['--device', 'cuda'])).toMatchObject({ stdout: 'setup --device cuda', exitCode: 6 });
});

test('ends with exit code 1 and names the npm command that failed', async () => {
  await writeNpm('#!/bin/sh\necho "no network" >&2\nexit 3\n');
  expect(await setUp()).toMatchObject({
    exitCode: 1,
    stderr: `installing npm packages\nno network\nerror: 'npm ${install}' failed`,
  });
});
