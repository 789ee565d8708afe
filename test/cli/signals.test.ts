import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { transpile } from 'typescript';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.ts';

/** Prints a line when the first signal arrives, and then blocks the event loop. */
const SCRIPT = `import { untilSignal } from './signals.mjs';
  const keepAlive = setInterval(() => {}, 1000);
  await untilSignal(async (signal) => {
    signal.addEventListener('abort', () => {
      console.log('stopping');
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    });
    console.log('started');
    await new Promise(() => {});
  });`;

describe.skipIf(process.platform === 'win32')('a second signal', () => {
  test.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
    ['SIGHUP', 'SIGTERM'],
    ['SIGINT', 'SIGHUP'],
  ] as const)('%s, then %s, ends a process whose event loop is blocked', async (first, second) => {
    const folder = await temporaryFolder();
    const source = await readFile('src/cli/signals.ts', 'utf8');
    await writeFile(join(folder, 'signals.mjs'), transpile(source, { module: 99, target: 99 }));
    const child = execa(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
      cwd: folder,
      reject: false,
    });
    for await (const line of child) {
      if (line === 'started') child.kill(first);
      if (line === 'stopping') child.kill(second);
    }
    expect((await child).signal).toBe(second);
  });
});
