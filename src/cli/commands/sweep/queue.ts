import { jsonText } from '../../../files/index.ts';
import { cancelSweeps, type QueueStatus, queueStatus } from '../../../queue/index.ts';
import { NOT_AVAILABLE, plainTable, tableText } from '../../../text/index.ts';
import type { CliContext } from '../../context.ts';
import { requireQueue } from '../../options/queue.ts';

/** Options of `sweep status` and `sweep cancel`. */
export type QueueCommandOptions = {
  readonly queue?: string;
  readonly queuePrefix: string;
  readonly json?: boolean;
};

/** Prints the sweeps and workers of a queue. */
export async function showQueue(options: QueueCommandOptions, context: CliContext): Promise<void> {
  const status = await queueStatus(requireQueue(options));
  context.print(options.json ? jsonText(status) : renderStatus(status));
}

/** Cancels sweeps and prints their ids. */
export async function cancelQueued(
  ids: readonly string[],
  options: QueueCommandOptions,
  context: CliContext,
): Promise<void> {
  const cancelled = await cancelSweeps(requireQueue(options), ids.length > 0 ? ids : undefined);
  context.print(options.json ? jsonText({ cancelled }) : cancelled.map((id) => `cancelled ${id}`).join('\n'));
}

function renderStatus({ sweeps, workers }: QueueStatus): string {
  return `${renderSweeps(sweeps)}\n\n${renderWorkers(workers)}`;
}

function renderSweeps(sweeps: QueueStatus['sweeps']): string {
  if (sweeps.length === 0) return 'no sweeps';
  const table = plainTable(['left', 'left', 'left', 'left', ...new Array(5).fill('right')]);
  table.push(['sweep', 'created', 'version', 'device', 'trials', 'waiting', 'running', 'done', 'failed']);
  for (const { id, createdAt, version, device, ...counts } of sweeps) {
    const { total, waiting, running, done, failed } = counts;
    const created = createdAt?.replace('T', ' ').slice(0, 16);
    const cells = [created, version, device, total, waiting, running, done, failed];
    table.push([id, ...cells.map((cell) => String(cell ?? NOT_AVAILABLE))]);
  }
  return tableText(table);
}

function renderWorkers(workers: QueueStatus['workers']): string {
  if (workers.length === 0) return 'no workers';
  const table = plainTable(['left', 'left', 'left', 'right', 'right', 'left']);
  table.push(['worker', 'version', 'device', 'jobs', 'running', 'refuses']);
  for (const { name, version, device, jobs, running, refused } of workers) {
    const refusals = Object.entries(refused).map(([id, reason]) => `${id} (${reason})`);
    table.push([name, version, device, String(jobs), String(running), refusals.join(', ')]);
  }
  return tableText(table);
}
