import { spawn } from 'node:child_process';

/**
 * Starts processes that each keep a core busy, as other programs on the machine would. They end with this process.
 *
 * @param {number} count
 * @returns {() => void} ends them
 */
export function startBusyLoops(count) {
  const loops = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  const end = () => {
    process.removeListener('exit', end);
    for (const loop of loops) loop.kill('SIGKILL');
  };
  process.once('exit', end);
  return end;
}
