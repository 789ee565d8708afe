import { runWorker, type WorkerTrial } from '../../../queue/index.ts';
import type { CliContext } from '../../context.ts';
import { requireQueue } from '../../options/queue.ts';
import { untilSignal } from '../../signals.ts';

/** Options of `worker`. */
export type WorkerCommandOptions = {
  readonly queue?: string;
  readonly queuePrefix: string;
  readonly device: 'cpu' | 'cuda' | 'wasm';
  readonly jobs?: number;
  readonly data?: string;
  readonly base?: string;
  readonly maxSteps: number;
  readonly maxMemory: number;
  readonly maxMinutes: number;
  readonly lostAfter: number;
  readonly idleExit?: number;
  readonly quiet?: boolean;
};

/**
 * Trains trials until a signal stops it, or there is nothing to do.
 *
 * @throws Interrupted if a signal stopped it, after its trials were given back
 */
export async function runWorkerCommand(options: WorkerCommandOptions, context: CliContext): Promise<void> {
  const { device, jobs, data, base, maxSteps, maxMemory, maxMinutes, lostAfter, idleExit } = options;
  await untilSignal(async (signal) => {
    const { complete, failed } = await runWorker({
      queue: requireQueue(options),
      device,
      jobs,
      data,
      base,
      limits: { steps: maxSteps, bytes: maxMemory * 2 ** 20, seconds: 60 * maxMinutes },
      lostAfterSeconds: lostAfter,
      idleSeconds: idleExit,
      cwd: context.cwd,
      signal,
      onTrial: (trial) => context.note(trialLine(trial)),
      onNotice: context.note,
    });
    context.note(`${complete} trials done, ${failed} failed`);
  });
}

function trialLine({ sweep, trial, outcome, reason, elapsedMs }: WorkerTrial): string {
  const result = outcome === 'complete' ? `done in ${(elapsedMs / 1000).toFixed(1)} s` : outcome;
  return `sweep ${sweep}: trial ${trial}: ${reason === undefined ? result : `${result}: ${reason}`}`;
}
