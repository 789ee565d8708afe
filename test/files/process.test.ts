import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { wasRunning } from '../../src/files/index.ts';

const DAY_MS = 86_400_000;

describe('wasRunning', () => {
  test('is true for processes that run, also those of other users', () => {
    expect(wasRunning(process.pid, Date.now())).toBe(true);
    expect(wasRunning(1, Date.now())).toBe(true);
  });

  test('is false for a process that does not exist', () => {
    expect(wasRunning(999_999_999, Date.now())).toBe(false);
  });

  test.runIf(process.platform === 'linux')(
    'is false at a time before the process started, whose number belonged to another one',
    () => {
      const startedMs = Date.now() - 1000 * process.uptime();
      expect(wasRunning(process.pid, startedMs - DAY_MS)).toBe(false);
      expect(wasRunning(process.pid, startedMs - 10_000)).toBe(false);
      // The clocks of processes and files differ by up to two seconds.
      expect(wasRunning(process.pid, startedMs - 500)).toBe(true);
    },
  );

  test.runIf(process.platform === 'linux')(
    'is false for a process that has ended, but that its parent has not waited for',
    async () => {
      // The shell becomes `cat`, which never waits for the child of the shell. The child ends with its input.
      const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec cat'], {
        stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
      });
      onTestFinished(() => {
        parent.kill();
      });
      const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
      const pid = Number(line.toString());
      expect(wasRunning(pid, Date.now())).toBe(true);
      // Until then the shell may still wait for its child.
      while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'cat\n') await new Promise(setImmediate);
      parent.stdio[3]!.destroy();
      while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise(setImmediate);
      expect(wasRunning(pid, Date.now())).toBe(false);
    },
  );
});
