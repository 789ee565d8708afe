import { join, resolve } from 'node:path';
import { AppError, CheckpointError, DataError, QueueError, UsageError } from '../errors.ts';
import { loadMnist } from '../mnist-data-loader/index.ts';
import { readManifest } from '../runs/index.ts';
import { dataOf, holdOut, type TrialDevice, type TrialSetup, type TrialSpec } from '../trials/index.ts';
import { version } from '../version.ts';
import { fetchBase } from './base-files.ts';
import type { Connection } from './connection.ts';
import {
  InvalidDocument,
  type QueuedSweep,
  type Refusal,
  readSweep,
  type SweepDocument,
} from './documents.ts';
import { sweepKey, sweepsKey } from './keys.ts';
import { openSource, type TakenTrial, type TrialSource } from './trial-queue.ts';

/** Time between two lookups of the sweeps in the queue. */
const REFRESH_INTERVAL_MS = 2000;
/** The most sweeps that a worker considers. */
const MAX_SWEEPS = 100;

/** Data, device and limits of a worker. */
export interface WorkerFacts {
  readonly device: TrialDevice;
  /** Folder of the IDX files, absolute. */
  readonly data: string;
  /** Run folder of a base, absolute. Default: bases come from the queue. */
  readonly base?: string;
  /** The most steps of a trial. */
  readonly steps: number;
  /** Folder for bases and trials. */
  readonly folder: string;
  readonly lostAfterSeconds: number;
}

/** A sweep whose trials a worker takes. */
export interface ServedSweep {
  readonly sweep: QueuedSweep;
  readonly setup: TrialSetup;
  readonly source: TrialSource;
}

/** The sweeps in a queue, those that a worker serves and those that it refuses. */
export class ServedSweeps {
  readonly #connection: Connection;
  readonly #facts: WorkerFacts;
  readonly #onNotice: (message: string) => void;
  readonly #served = new Map<string, ServedSweep>();
  readonly #refused = new Map<string, { readonly refusal: Refusal; readonly error: AppError }>();
  readonly #dataHashes = new Map<number, TrialSpec['data']>();
  #refreshedMs = Number.NEGATIVE_INFINITY;
  #refreshing?: Promise<void>;

  constructor(connection: Connection, facts: WorkerFacts, onNotice: (message: string) => void) {
    this.#connection = connection;
    this.#facts = facts;
    this.#onNotice = onNotice;
  }

  /** Ids of the sweeps that are not served, and why. */
  get refused(): Record<string, Refusal> {
    return Object.fromEntries([...this.#refused].map(([id, { refusal }]) => [id, refusal]));
  }

  /** Why the first of them is not served. */
  get refusalError(): AppError | undefined {
    return [...this.#refused.values()][0]?.error;
  }

  /** Takes a trial of the oldest sweep that has one. */
  async take(
    token: string,
  ): Promise<{ readonly served: ServedSweep; readonly taken: TakenTrial } | undefined> {
    if (performance.now() > this.#refreshedMs + REFRESH_INTERVAL_MS) {
      this.#refreshing ??= this.#refresh().finally(() => {
        this.#refreshing = undefined;
        this.#refreshedMs = performance.now();
      });
    }
    await this.#refreshing;
    for (const served of this.#served.values()) {
      const taken = await served.source.take(token);
      if (taken) return { served, taken };
    }
    return undefined;
  }

  /** Stops serving a sweep whose data or base do not fit this worker. */
  async refuse(id: string, refusal: Refusal, error: AppError): Promise<void> {
    if (this.#refused.has(id)) return;
    this.#refused.set(id, { refusal, error });
    this.#onNotice(`sweep ${id}: refused: ${error.message}`);
    await this.#stopServing(id);
  }

  async close(): Promise<void> {
    for (const id of [...this.#served.keys()]) await this.#stopServing(id);
  }

  async #stopServing(id: string): Promise<void> {
    const served = this.#served.get(id);
    this.#served.delete(id);
    await served?.source.close();
  }

  async #refresh(): Promise<void> {
    const { redis } = this.#connection;
    const ids = await redis.zrange(sweepsKey(this.#connection), 0, MAX_SWEEPS - 1);
    for (const id of [...this.#served.keys()]) if (!ids.includes(id)) await this.#stopServing(id);
    for (const id of [...this.#refused.keys()]) if (!ids.includes(id)) this.#refused.delete(id);
    for (const id of ids) {
      if (!/^[0-9a-f]{16}$/.test(id)) continue;
      const isSettled = this.#served.has(id) || (this.#refused.get(id)?.refusal ?? 'steps') !== 'steps';
      if (!isSettled) await this.#consider(id);
    }
  }

  /** Serves a sweep, or refuses it. */
  async #consider(id: string): Promise<void> {
    const { folder, data, device, lostAfterSeconds } = this.#facts;
    try {
      const document = await readSweep(this.#connection.redis, sweepKey(this.#connection, id));
      if (!document) return;
      const fault = await this.#faultOf(id, document);
      if (fault) {
        await this.refuse(id, ...fault);
        return;
      }
      const sweep = document.sweep!;
      const run = await this.#baseFolder(sweep);
      const setup = { out: join(folder, id), run, data, heldOut: sweep.heldOut, device };
      const source = await openSource(this.#connection, id, lostAfterSeconds);
      this.#refused.delete(id);
      this.#served.set(id, { sweep, setup, source });
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'file-unwritable') throw error;
      await this.refuse(id, 'base', error);
    }
  }

  /** What of a sweep does not fit this worker. */
  async #faultOf(
    id: string,
    { sweep, version: needed }: SweepDocument,
  ): Promise<readonly [Refusal, AppError] | undefined> {
    const { device, steps, data } = this.#facts;
    if (!sweep) {
      const problem = `it needs tfjs-lora ${needed}, this is ${version}; install the same version`;
      return ['version', new QueueError('queue-refused', problem)];
    }
    if (sweep.id !== id) throw new InvalidDocument('sweep: has another id');
    if (sweep.device !== device) {
      const problem = `it needs a worker for ${sweep.device}, this one is for ${device}`;
      return ['device', new UsageError('invalid-argument', problem)];
    }
    if (sweep.steps > steps) {
      const problem = `it has trials of ${sweep.steps} steps, this worker allows ${steps}`;
      return ['steps', new UsageError('invalid-argument', problem)];
    }
    if (await this.#hasData(sweep)) return undefined;
    return ['data', new DataError('other-data', `${data}: the images are not those of the sweep`)];
  }

  async #hasData({ data, heldOut }: QueuedSweep): Promise<boolean> {
    let hashes = this.#dataHashes.get(heldOut);
    if (!hashes) {
      hashes = dataOf(holdOut(await loadMnist({ directory: this.#facts.data }), heldOut));
      this.#dataHashes.set(heldOut, hashes);
    }
    return hashes.train === data.train && hashes.heldOut === data.heldOut;
  }

  /** The base on this machine: the given one if it is the same, else a copy from the queue. */
  async #baseFolder(sweep: QueuedSweep): Promise<string> {
    const { base: local, folder } = this.#facts;
    const { contentHash, isStored } = sweep.base;
    if (local !== undefined && (await readManifest(local)).contentHash === contentHash) return resolve(local);
    if (!isStored) {
      throw new CheckpointError(
        'base-not-stored',
        'its base is too large for the queue; name a run that has it',
      );
    }
    const copy = join(folder, 'bases', contentHash);
    await fetchBase(this.#connection, sweep, copy);
    return copy;
  }
}
