import { resolve } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { nativeState } from '../../src/setup/index.ts';

/** Loads the addon of set-up, handles signals as the command line does, and blocks the event loop for a minute. */
const SCRIPT = `
  const { createRequire } = await import('node:module');
  const stop = (signal) => process.exit(0); // runs only after the minute
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  if (process.argv[2] === 'armed') createRequire(process.argv[1])(process.argv[1]).endAtSecondSignal();
  console.log('blocked');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);`;

const addon = resolve(nativeState('cpu').nativePackage?.addonFolder ?? '', 'tensorflow_preload.node');

describe.skipIf(nativeState('cpu').problem)('while native code blocks the event loop', () => {
  test.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGHUP'],
  ] as const)('%s, then %s, ends the process', async (first, second) => {
    const child = execa(process.execPath, ['--input-type=module', '--eval', SCRIPT, addon, 'armed'], {
      reject: false,
      stderr: 'inherit',
    });
    let resend: NodeJS.Timeout | undefined;
    for await (const line of child) {
      expect(line).toBe('blocked');
      child.kill(first);
      // The system merges two signals that arrive before the first is handled.
      resend = setInterval(() => child.kill(second), 20);
    }
    clearInterval(resend);
    expect((await child).signal).toBe(second);
  });
});
