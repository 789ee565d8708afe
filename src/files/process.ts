import { readFileSync } from 'node:fs';

/** Allowed difference of start times and file times, because their clocks have different resolutions. */
const CLOCK_TOLERANCE_MS = 2000;

/**
 * Whether a process is running that was already running at a given time. PIDs are reused, in containers after every restart:
 * a process that started later is a different one. Only Linux reports when a process started.
 *
 * @param atMs milliseconds since 1970
 */
export function wasRunning(pid: number, atMs: number): boolean {
  if (!exists(pid)) return false;
  const { hasEnded, startedMs } = processState(pid);
  return !hasEnded && !(startedMs > atMs + CLOCK_TOLERANCE_MS);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether a process has ended without being waited for, and when it started, in ms since 1970. Only Linux has these
 * (`man proc`); elsewhere false and NaN.
 */
function processState(pid: number): { readonly hasEnded: boolean; readonly startedMs: number } {
  try {
    // From the third field on: the second is a name in brackets. The 22nd is in hundredths of a second since the boot.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'));
    return { hasEnded: fields[0] === 'Z', startedMs: 1000 * Number(boot?.[1]) + 10 * Number(fields[22 - 3]) };
  } catch {
    return { hasEnded: false, startedMs: Number.NaN };
  }
}
