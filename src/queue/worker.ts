import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.ts';
import { findMnist } from '../mnist-data-loader/index.ts';
import { readManifest } from '../runs/index.ts';
import type { TrialDevice } from '../trials/index.ts';
import { version } from '../version.ts';
import type { QueueOptions } from './address.ts';
import { type Connection, withConnection } from './connection.ts';
import { ServedSweeps, type WorkerFacts } from './served-sweeps.ts';
import { type Slot, type TakenOutcome, type TrainOptions, trainTaken } from './train-taken.ts';
import { createWorkerFolder, removeWorkerFolder } from './worker-folder.ts';
import { ANNOUNCE_INTERVAL_MS, announceWorker, removeWorker } from './workers.ts';

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
  /** Seconds without a sign of life after which a trial is given to another worker. Default 15. */
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

/** A trial that a worker took. */
export interface WorkerTrial {
  readonly sweep: string;
  readonly trial: string;
  /** `given back` and `lost` trials are trained by other workers. */
  readonly outcome: TakenOutcome['type'];
  /** Why it failed. */
  readonly reason?: string;
  readonly elapsedMs: number;
}

/** Trials of a worker. */
export interface WorkerResult {
  readonly complete: number;
  readonly failed: number;
}

const IDLE_INTERVAL_MS = 500;

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
    const worker = new QueueWorkerLoop(connection, facts, { ...options, jobs, idleSeconds, onNotice });
    try {
      return await worker.run({ bytes, seconds });
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

type LoopOptions = Pick<WorkerOptions, 'signal' | 'onTrial'> &
  Required<Pick<WorkerOptions, 'jobs' | 'idleSeconds' | 'onNotice'>>;

/** Takes and trains trials in several slots. */
class QueueWorkerLoop {
  readonly #connection: Connection;
  readonly #facts: WorkerFacts;
  readonly #options: LoopOptions;
  readonly #sweeps: ServedSweeps;
  readonly #id = randomBytes(8).toString('hex');
  readonly #end = new AbortController();
  readonly #count = { complete: 0, failed: 0 };
  #running = 0;
  #activeMs = performance.now();

  constructor(connection: Connection, facts: WorkerFacts, options: LoopOptions) {
    this.#connection = connection;
    this.#facts = facts;
    this.#options = options;
    this.#sweeps = new ServedSweeps(connection, facts, options.onNotice);
  }

  async run(limits: { readonly bytes: number; readonly seconds: number }): Promise<WorkerResult> {
    const { jobs, signal } = this.#options;
    const { lostAfterSeconds } = this.#facts;
    const stop = AbortSignal.any([this.#end.signal, ...(signal ? [signal] : [])]);
    const options = { limits, lostAfterSeconds, signal: stop };
    const announcing = setInterval(() => void this.#announce().catch(() => {}), ANNOUNCE_INTERVAL_MS);
    try {
      await this.#announce();
      const slots = Array.from({ length: jobs }, () =>
        this.#work(options).catch((error: unknown) => this.#end.abort(error)),
      );
      await Promise.all(slots);
      const { reason } = this.#end.signal;
      if (this.#end.signal.aborted && reason !== IDLE) throw reason;
      return this.#count;
    } catch (error) {
      if (signal?.aborted) return this.#count; // the connection was closed by the stop
      throw error;
    } finally {
      clearInterval(announcing);
      await this.#sweeps.close().catch(() => {});
      await removeWorker(this.#connection, this.#id).catch(() => {});
    }
  }

  async #work(options: TrainOptions): Promise<void> {
    const slot: Slot = {};
    try {
      while (!options.signal.aborted) {
        const next = await this.#sweeps.take(randomBytes(8).toString('hex'));
        if (next) await this.#train(slot, next, options);
        else await this.#idle(options.signal);
      }
    } finally {
      slot.process?.end();
    }
  }

  async #train(
    slot: Slot,
    next: NonNullable<Awaited<ReturnType<ServedSweeps['take']>>>,
    options: TrainOptions,
  ): Promise<void> {
    const { sweep } = next.served;
    const startedMs = performance.now();
    this.#running++;
    let outcome: TakenOutcome;
    try {
      outcome = await trainTaken(this.#connection, slot, next, options);
    } finally {
      this.#running--;
      this.#activeMs = performance.now();
    }
    if (outcome.type === 'complete' || outcome.type === 'failed') this.#count[outcome.type]++;
    this.#options.onTrial?.({
      sweep: sweep.id,
      trial: String(next.taken.job.id).slice(1),
      outcome: outcome.type,
      reason: outcome.type === 'failed' ? outcome.reason : undefined,
      elapsedMs: this.#activeMs - startedMs,
    });
    if (outcome.type !== 'given back' || !outcome.error) return;
    const { error } = outcome;
    // A sweep whose base or images do not fit is refused; without a disk or a device, nothing can be trained.
    if (error.exitCode === 6 || error.code === 'file-unwritable') throw error;
    await this.#sweeps.refuse(sweep.id, error.exitCode === 3 ? 'data' : 'base', error.message);
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const isIdle = performance.now() > this.#activeMs + 1000 * this.#options.idleSeconds;
    if (isIdle && this.#running === 0) this.#end.abort(IDLE);
    else await sleep(IDLE_INTERVAL_MS, undefined, { signal }).catch(() => {});
  }

  async #announce(): Promise<void> {
    const { device } = this.#facts;
    await announceWorker(this.#connection, this.#id, {
      name: `${hostname()}:${process.pid}`,
      version,
      device,
      jobs: this.#options.jobs,
      running: this.#running,
      refused: Object.fromEntries(this.#sweeps.refused),
    });
  }
}

const IDLE = Symbol('idle');
