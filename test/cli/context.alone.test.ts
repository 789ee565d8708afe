import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transpile } from 'typescript';
import { beforeAll, expect, test } from 'vitest';
import { keptFolder, temporaryFolder } from '../helpers/temporary.ts';

/** Prints many lines through the context of a process, waits until they are written, then sets the exit code. */
const SCRIPT = `import { processContext } from './context.mjs';
  const context = processContext();
  for (let line = 0; line < 50_000; line++) context.print('line ' + line);
  await new Promise((done) => setTimeout(done, 200));
  context.note('done');
  process.exitCode = Number(process.argv[1]);`;

let folder: string;
beforeAll(async () => {
  folder = await keptFolder();
  const source = await readFile('src/cli/context.ts', 'utf8');
  await writeFile(join(folder, 'context.mjs'), transpile(source, { module: 99, target: 99 }));
});

/** Runs the script with stdout redirected. Its exit code is the last line of stderr. */
function runWith(redirection: string, exitCode: number) {
  const line = `{ "$0" --input-type=module --eval "$1" "$2"; echo "code $?" >&2; } ${redirection}`;
  return spawnSync('sh', ['-c', line, process.execPath, SCRIPT, String(exitCode)], {
    cwd: folder,
    encoding: 'utf8',
  });
}

test('a closed stdout neither ends the command nor changes its exit code', () => {
  const { stdout, stderr } = runWith('| head -n 1', 10);
  expect(stdout).toBe('line 0\n');
  expect(stderr).toBe('done\ncode 10\n');
});

test.skipIf(process.platform !== 'linux')(
  'prints one line and exits with code 4 if results cannot be written',
  () => {
    const { stderr } = runWith('> /dev/full', 0);
    expect(stderr).toBe('error: results cannot be written to stdout: the disk is full\ndone\ncode 4\n');
  },
);

test.each([
  [{ FORCE_COLOR: '1' }, true],
  [{ FORCE_COLOR: 'true' }, true],
  [{ FORCE_COLOR: '' }, true],
  [{ FORCE_COLOR: '0' }, false],
  [{ FORCE_COLOR: 'false' }, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  [{ NO_COLOR: '' }, false],
  [{}, false],
])('in a pipe, %j sets colours to %j', (variables, expected) => {
  const script = `import { processContext } from './context.mjs'; console.log(String(processContext().color));`;
  const { NO_COLOR, FORCE_COLOR, ...env } = process.env;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...env, ...variables },
  });
  expect(stdout).toBe(`${expected}\n`);
});

test.skipIf(process.platform === 'win32')('has no working directory if it was removed', async () => {
  const script = join(folder, 'working-directory.mjs');
  await writeFile(
    script,
    `import { processContext } from './context.mjs'; console.log(JSON.stringify(processContext().cwd));`,
  );
  const { stdout } = spawnSync('sh', ['-c', 'rmdir "$PWD" && exec "$0" "$1"', process.execPath, script], {
    cwd: await temporaryFolder(),
    encoding: 'utf8',
  });
  expect(stdout).toBe('""\n');
});
