import { SingleBar } from 'cli-progress';
import type { CliContext } from './context.ts';

const LINE_INTERVAL_MS = 3000;

/** Where a running job reports how far it is. */
export interface ProgressReporter {
  /** @param loss mean loss so far, shown as it is */
  update(done: number, loss: number): void;
  stop(): void;
}

/** A bar on a terminal, a plain line every few seconds elsewhere, nothing when `enabled` is false. */
export function createProgress(
  context: CliContext,
  options: { label: string; total: number; enabled: boolean },
): ProgressReporter {
  if (!options.enabled) return { update: () => {}, stop: () => {} };
  return context.interactive ? createBar(options) : createLines(context, options);
}

function createBar({ label, total }: { label: string; total: number }): ProgressReporter {
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}% | {value}/{total} steps | loss {loss} | {eta_formatted} left`,
    barsize: 24,
    hideCursor: true,
    stopOnComplete: true,
    stream: process.stderr,
  });
  bar.start(total, 0, { loss: '-' });
  return {
    update: (done, loss) => bar.update(done, { loss: loss.toFixed(4) }),
    stop: () => bar.stop(),
  };
}

function createLines(
  context: CliContext,
  { label, total }: { label: string; total: number },
): ProgressReporter {
  let due = performance.now() + LINE_INTERVAL_MS;
  return {
    update: (done, loss) => {
      if (performance.now() < due && done < total) return;
      due = performance.now() + LINE_INTERVAL_MS;
      context.note(`${label}: ${done}/${total} steps, loss ${loss.toFixed(4)}`);
    },
    stop: () => {},
  };
}
