import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { findMnist } from '../mnist-data-loader/index.ts';
import { readManifest } from '../runs/index.ts';
import type { TrialDevice } from '../trials/index.ts';
import type { QueueOptions } from './address.ts';
import { withConnection } from './connection.ts';
import type { WorkerFacts } from './served-sweeps.ts';
import { createWorkerFolder, removeWorkerFolder } from './worker-folder.ts';
import { WorkerLoop } from './worker-loop.ts';
import type { WorkerResult, WorkerTrial } from './worker-results.ts';

/** Options of `runWorker`. */
export interface WorkerOptions {
  readonly queue: QueueOptions;
  /** Device to train on; only trials for it are taken. Default `cpu`. */
  readonly device?: TrialDevice;
  /** Folder of the IDX files, the same images as those of the sweep. Default: as for `sweep`. */
  readonly data?: string;
  /** A run with the base, for bases that are too large for the queue. Default: bases come from the queue. */
  readonly base?: string;
  /** Trials at a time, each in a process with one thread. Default: the number of cores, or 1 on a GPU. */
  readonly jobs?: number;
  readonly limits?: {
    /** The most steps of a trial. Default 1,000,000. */
    readonly steps?: number;
    /** The most memory of a trial's process, in bytes; on Linux only. Default 8 GiB. */
    readonly bytes?: number;
    /** The longest time of a trial, in seconds. Default 3600. */
    readonly seconds?: number;
  };
  /** Seconds without a heartbeat after which a trial is given to another worker. Default 15. */
  readonly lostAfterSeconds?: number;
  /** End after this many seconds without a trial. Default: never. */
  readonly idleSeconds?: number;
  readonly cwd?: string;
  /** Ends the worker; its trials are given back. */
  readonly signal?: AbortSignal;
  /** Called when a trial ends. */
  readonly onTrial?: (trial: WorkerTrial) => void;
  /** Called with one line about connections and sweeps that are refused. */
  readonly onNotice?: (message: string) => void;
}

const DEFAULTS = { steps: 1_000_000, bytes: 2 ** 33, seconds: 3600, lostAfterSeconds: 15 };

/**
 * Trains trials of sweeps in a queue, until the signal is aborted or there was none for `idleSeconds`.
 *
 * Specifications from the queue are checked, and files have fixed names in a temporary folder; no code travels.
 *
 * @throws UsageError if an option is invalid
 * @throws DataError if there are no images
 * @throws CheckpointError if files cannot be written
 * @throws TensorFlowError if the device is not available
 * @throws QueueError if Redis cannot be reached or refuses a command
 * @throws AppError if it ended because it was idle, trained nothing and refused a sweep: why the first one was refused
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerResult> {
  const { queue, device = 'cpu', data, base, cwd = process.cwd(), signal, onNotice = () => {} } = options;
  requireOptions(options);
  const { directory } = await findMnist(data, cwd);
  if (base !== undefined) await readManifest(resolve(cwd, base));
  const { jobs = device === 'cuda' ? 1 : availableParallelism(), limits } = options;
  const { steps = DEFAULTS.steps, bytes = DEFAULTS.bytes, seconds = DEFAULTS.seconds } = limits ?? {};
  const { lostAfterSeconds = DEFAULTS.lostAfterSeconds, idleSeconds = Number.POSITIVE_INFINITY } = options;
  return await withConnection(queue, { signal, onNotice }, async (connection) => {
    const folder = await createWorkerFolder();
    onNotice(`${connection.address.name}: connected; trains ${jobs} trials at a time on ${device}`);
    const facts: WorkerFacts = {
      device,
      data: resolve(cwd, directory),
      base: base === undefined ? undefined : resolve(cwd, base),
      steps,
      folder,
      lostAfterSeconds,
    };
    const worker = new WorkerLoop(connection, facts, {
      ...options,
      jobs,
      idleSeconds,
      onNotice,
      limits: { bytes, seconds },
    });
    try {
      return await worker.run();
    } finally {
      await removeWorkerFolder(folder);
    }
  });
}

function requireOptions({ jobs, limits = {}, lostAfterSeconds, idleSeconds }: WorkerOptions): void {
  const { steps, bytes, seconds } = limits;
  for (const [name, value] of Object.entries({ jobs, steps, bytes })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new UsageError('invalid-argument', `${name} ${value}: must be a whole number of at least 1`);
  }
  for (const [name, value] of Object.entries({ seconds, lostAfterSeconds, idleSeconds })) {
    if (value === undefined || (value > 0 && value <= 1e6)) continue;
    throw new UsageError('invalid-argument', `${name} ${value}: must be above 0 and at most 1,000,000`);
  }
}
