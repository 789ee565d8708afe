import { SingleBar } from 'cli-progress';
import type { TrainingProgress } from '../training/index.ts';
import type { CliContext } from './context.ts';

const LINE_INTERVAL_MS = 3000;

/** Shows the progress of a training. */
export interface ProgressReporter {
  update(progress: Progress): void;
  /** Ends the display and shows the cursor again; later updates are ignored. */
  stop(): void;
}

/** Steps done, steps in all, and the mean loss so far. */
type Progress = Pick<TrainingProgress, 'step' | 'steps' | 'meanLoss'>;

/** A bar on a terminal, a line every few seconds elsewhere, nothing if `enabled` is false. */
export function createProgress(
  context: CliContext,
  { label, enabled }: { readonly label: string; readonly enabled: boolean },
): ProgressReporter {
  if (!enabled) return { update: () => {}, stop: () => {} };
  return context.interactive ? createBar(label) : createLines(context, label);
}

function createBar(label: string): ProgressReporter {
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}% | {value}/{total} steps | loss {loss} | {eta_formatted} left`,
    barsize: 24,
    hideCursor: true,
    gracefulExit: false, // its signal handlers would keep a second signal from ending the process
    stopOnComplete: true,
    stream: process.stderr,
  });
  let started = false;
  let stopped = false;
  return {
    update: ({ step, steps, meanLoss }) => {
      if (stopped) return;
      if (!started) bar.start(steps, 0, { loss: '-' });
      started = true;
      bar.update(step, { loss: meanLoss.toFixed(4) });
    },
    stop: () => {
      if (started && !stopped) bar.stop();
      stopped = true;
    },
  };
}

function createLines(context: CliContext, label: string): ProgressReporter {
  let dueMs = performance.now() + LINE_INTERVAL_MS;
  return {
    update: ({ step, steps, meanLoss }) => {
      if (performance.now() < dueMs && step < steps) return;
      dueMs = performance.now() + LINE_INTERVAL_MS;
      context.note(`${label}: ${step}/${steps} steps, loss ${meanLoss.toFixed(4)}`);
    },
    stop: () => {},
  };
}
