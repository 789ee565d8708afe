import { jsonText } from '../../../files/index.ts';
import { displayPath } from '../../../recipes/index.ts';
import { renderSweepText, type SweepProgress, sweep } from '../../../sweep/index.ts';
import type { CliContext } from '../../context.ts';
import type { Device } from '../../options/shared.ts';
import { untilSignal } from '../../signals.ts';
import { gridFrom } from './grid-options.ts';
import { createSweepProgress } from './progress.ts';

/** Options of `sweep`, without the lists of settings. */
export type SweepCommandOptions = {
  readonly digits?: readonly number[];
  readonly seeds: readonly number[];
  readonly maxDrop?: number;
  readonly trials?: number;
  readonly sampleSeed: number;
  readonly halving?: boolean;
  readonly yes?: boolean;
  readonly heldOut: number;
  readonly queue?: string;
  readonly queuePrefix: string;
  readonly queueExpire: number;
  readonly jobs?: number;
  readonly data?: string;
  readonly device: Device;
  readonly out: string;
  readonly json?: boolean;
  readonly progress: boolean;
  readonly quiet?: boolean;
};

/**
 * Runs a sweep and prints its report.
 *
 * @throws Interrupted if a signal stopped it, after trials in progress are saved
 */
export async function runSweep(
  run: string,
  options: SweepCommandOptions,
  context: CliContext,
): Promise<void> {
  const { digits, maxDrop, yes, out, json, quiet, queue, queuePrefix, queueExpire } = options;
  const progress = createSweepProgress(context, options.progress && !quiet);
  await untilSignal(async (signal) => {
    try {
      const result = await sweep({
        ...options,
        run,
        grid: gridFrom(options as unknown as Readonly<Record<string, unknown>>),
        targetLabels: digits,
        maxDrop: maxDrop === undefined ? undefined : maxDrop / 100,
        allowMany: yes,
        queue:
          queue === undefined ? undefined : { url: queue, prefix: queuePrefix, expireHours: queueExpire },
        cwd: context.cwd,
        signal,
        onProgress: (state: SweepProgress) => progress.update(state),
        onNotice: (message: string) => {
          progress.stop();
          context.note(message);
        },
      });
      progress.stop();
      if (result.status === 'stopped') {
        const next =
          queue === undefined
            ? 'the same command continues'
            : "workers continue; the same command collects the results, 'sweep cancel' stops them";
        context.note(`stopped with ${result.done} of ${result.total} trials done; ${next}`);
        return;
      }
      context.print(
        json ? jsonText(result.report) : renderSweepText(result.report, { color: context.color }),
      );
      const folder = displayPath(out, context.cwd);
      context.note(`saved in ${folder}: sweep.html, sweep.md, sweep.json and the runs in trials/`);
    } finally {
      progress.stop();
    }
  });
}
