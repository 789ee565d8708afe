import { readFileSync } from 'node:fs';

/** The most that a trial may use. */
export interface TrialLimits {
  readonly seconds?: number;
  /** Resident memory of its process, in bytes. Only Linux reports it. */
  readonly bytes?: number;
}

const CHECK_INTERVAL_MS = 250;

/**
 * Calls `exceeded` once, with the reason, when a process uses more than its limits.
 *
 * @returns a function that ends the watch
 */
export function watchLimits(
  pid: number | undefined,
  { seconds = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY }: TrialLimits,
  exceeded: (reason: string) => void,
): () => void {
  const startedMs = performance.now();
  const check = () => {
    const isLate = performance.now() - startedMs > 1000 * seconds;
    if (!isLate && !(residentBytes(pid) > bytes)) return;
    clearInterval(timer);
    exceeded(
      isLate
        ? `it took more than ${seconds} s`
        : `it used more than ${Math.round(bytes / 2 ** 20)} MB of memory`,
    );
  };
  const timer = setInterval(check, CHECK_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** NaN if the system does not report it. */
function residentBytes(pid: number | undefined): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return 1024 * Number(kilobytes);
  } catch {
    return Number.NaN;
  }
}
