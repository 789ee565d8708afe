import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrialLimits } from '../trials/index.ts';
import { version } from '../version.ts';
import type { Connection } from './connection.ts';
import { trialOfJob } from './keys.ts';
import { ServedSweeps, type WorkerFacts } from './served-sweeps.ts';
import { type Slot, type TakenOutcome, type TrainOptions, trainTaken } from './train-taken.ts';
import type { WorkerResult, WorkerTrial } from './worker-results.ts';
import { ANNOUNCE_INTERVAL_MS, announceWorker, removeWorker } from './workers.ts';

/** How a worker takes trials. */
export interface LoopOptions {
  /** Trials at a time. */
  readonly jobs: number;
  readonly idleSeconds: number;
  readonly limits: TrialLimits;
  readonly signal?: AbortSignal;
  readonly onTrial?: (trial: WorkerTrial) => void;
  readonly onNotice: (message: string) => void;
}

const IDLE_INTERVAL_MS = 500;

/** Takes and trains trials in several slots. */
export class WorkerLoop {
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

  /**
   * Trains trials until the signal is aborted or there was none for `idleSeconds`.
   *
   * @throws AppError if nothing can be trained
   */
  async run(): Promise<WorkerResult> {
    const { jobs, limits, signal } = this.#options;
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
      const { complete, failed } = this.#count;
      const refusal = this.#sweeps.refusalError;
      if (reason === IDLE && complete + failed === 0 && refusal) throw refusal;
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
      trial: trialOfJob(String(next.taken.job.id)),
      outcome: outcome.type,
      reason: outcome.type === 'failed' ? outcome.reason : undefined,
      elapsedMs: this.#activeMs - startedMs,
    });
    if (outcome.type !== 'given back' || !outcome.error) return;
    const { error } = outcome;
    // A sweep whose base or images do not fit is refused; without a disk or a device, nothing can be trained.
    if (error.exitCode === 6 || error.code === 'file-unwritable') throw error;
    await this.#sweeps.refuse(sweep.id, error.exitCode === 3 ? 'data' : 'base', error);
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
      refused: this.#sweeps.refused,
    });
  }
}

const IDLE = Symbol('idle');
