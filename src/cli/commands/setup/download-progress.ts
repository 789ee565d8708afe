import { SingleBar } from 'cli-progress';
import type { DownloadProgress } from '../../../setup/index.ts';
import type { CliContext } from '../../context.ts';

const LINE_INTERVAL_MS = 10_000;

/** Shows downloads, one after the other. */
export interface DownloadReporter {
  update(progress: DownloadProgress): void;
  stop(): void;
}

/** A bar on a terminal, a line every ten seconds elsewhere, nothing if `enabled` is false. */
export function createDownloadProgress(
  context: CliContext,
  { enabled }: { enabled: boolean },
): DownloadReporter {
  if (!enabled) return { update() {}, stop() {} };
  return context.interactive ? createBar() : createLines(context);
}

function createBar(): DownloadReporter {
  const bar = new SingleBar({
    format: '{name} {bar} {percentage}% | {value}/{total} MB | {eta_formatted} left',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
    stopOnComplete: true,
    stream: process.stderr,
  });
  return {
    update({ name, doneBytes, totalBytes }) {
      if (!bar.isActive) bar.start(megabytes(totalBytes), 0, { name });
      bar.update(megabytes(doneBytes));
    },
    stop: () => bar.stop(),
  };
}

function createLines({ note }: CliContext): DownloadReporter {
  let due = performance.now() + LINE_INTERVAL_MS;
  return {
    update({ name, doneBytes, totalBytes }) {
      if (performance.now() < due) return;
      due = performance.now() + LINE_INTERVAL_MS;
      note(`${name}: ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`);
    },
    stop() {},
  };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
