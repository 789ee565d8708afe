import { SingleBar } from 'cli-progress';
import type { SweepProgress } from '../../../sweep/index.ts';
import type { CliContext } from '../../context.ts';

/** Time between two progress lines if stderr is not a terminal. */
const LINE_INTERVAL_MS = 5000;

/** Shows the progress of a sweep: a bar in a terminal, lines elsewhere. */
export function createSweepProgress(context: CliContext, enabled: boolean) {
  if (!enabled) return { update: (_: SweepProgress) => {}, stop: () => {} };
  return context.interactive ? createBar() : createLines(context);
}

function createBar() {
  const bar = new SingleBar({
    format: 'sweep {bar} {value}/{total} trials | {running} running | {failed} failed | {left}',
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
  });
  let started = false;
  return {
    update: ({ total, done, ...rest }: SweepProgress) => {
      if (!started || bar.getTotal() !== total) bar.start(total, done, payload(rest));
      started = true;
      bar.update(done, payload(rest));
    },
    stop: () => {
      if (started) bar.stop();
      started = false;
    },
  };
}

function createLines(context: CliContext) {
  let dueMs = performance.now() + LINE_INTERVAL_MS;
  return {
    update: ({ total, done, ...rest }: SweepProgress) => {
      if (performance.now() < dueMs && done < total) return;
      dueMs = performance.now() + LINE_INTERVAL_MS;
      const { running, failed, left } = payload(rest);
      context.note(`sweep: ${done}/${total} trials, ${running} running, ${failed} failed, ${left}`);
    },
    stop: () => {},
  };
}

function payload({ running, failed, remainingMs }: Omit<SweepProgress, 'total' | 'done'>) {
  const left = remainingMs === undefined ? 'time left unknown' : `${Math.ceil(remainingMs / 1000)} s left`;
  return { running, failed, left };
}
