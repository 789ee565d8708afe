import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import { QueueError } from '../errors.ts';
import {
  stateOf,
  type TrialOutcome,
  type TrialSetup,
  type TrialSpec,
  type TrialsOptions,
  trialId,
} from '../trials/index.ts';
import { version } from '../version.ts';
import { storeBase } from './base-files.ts';
import type { Connection } from './connection.ts';
import { InvalidDocument, parseResult, type QueuedSweep } from './documents.ts';
import { failureOf, fractionOf, present } from './jobs.ts';
import { bullPrefix, countExisting, expireQueue, jobId, trialOfJob } from './keys.ts';
import { refusalNotices } from './refusals.ts';
import { deleteResult, fetchResult, type ResultTarget } from './result-files.ts';
import { announceSweep, deleteSweep, forgetSweepId, isCancelled } from './sweep-entry.ts';
import { addTrials, type TrialJob } from './trial-queue.ts';

/** Time between two polls of the queue. */
const POLL_INTERVAL_MS = 300;
/** Time between two checks that the queue still has all trials: Redis may have lost its data. */
const CHECK_INTERVAL_MS = 5000;
/** Time between two renewals of the expiry of keys, at most. */
const EXPIRE_INTERVAL_MS = 600_000;
/** Number of results that are read together. */
const COLLECTED = 50;
/** Number of damaged results after which a trial has failed. */
const MAX_DAMAGED = 3;

/** What `QueuedTrials` works on. */
interface Parts {
  readonly connection: Connection;
  readonly queue: Queue;
  readonly setup: TrialSetup;
  readonly specs: readonly TrialSpec[];
  /** Filled in by position. */
  readonly outcomes: (TrialOutcome | undefined)[];
  readonly target: ResultTarget;
}

/** The trials of a sweep in a queue, and their results as they arrive. */
export class QueuedTrials {
  readonly #parts: Parts;
  /** Positions of the trials without an outcome. */
  readonly #open: Map<string, number>;
  readonly #damaged = new Map<string, number>();
  readonly #createdAt = new Date().toISOString();
  #announced = '';

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#open = new Map(parts.specs.map((spec, position) => [trialId(spec), position]));
  }

  /** Stores the base and adds the trials, except for what the queue has already. */
  async start(): Promise<void> {
    const { connection, queue, specs, target } = this.#parts;
    await storeBase(connection, target.sweep, target.base);
    await addTrials(connection, queue, specs);
    await this.#removeOthers();
    await this.#announce();
  }

  /**
   * Collects results until every trial has an outcome or the signal is aborted.
   *
   * @throws QueueError if the sweep was cancelled
   * @throws CheckpointError if a run folder cannot be written
   */
  async wait({ signal, onChange, onNotice = () => {} }: WaitOptions): Promise<void> {
    const { connection, outcomes, queue, target, setup } = this.#parts;
    const noticeRefusals = refusalNotices(connection, target.sweep, setup.device, onNotice);
    const check = every(CHECK_INTERVAL_MS, async () => {
      if (await isCancelled(connection, target.sweep)) throw this.#cancelled();
      await this.#restore();
      await this.#announce();
      await noticeRefusals();
    });
    const renew = every(Math.min(EXPIRE_INTERVAL_MS, 250 * connection.expireSeconds), () => this.#renew());
    while (!signal?.aborted) {
      await this.#collect();
      const active = await queue.getActive();
      onChange?.(stateOf(outcomes, active.map(fractionOf)));
      if (this.#open.size === 0) {
        await deleteSweep(connection, target.sweep);
        await forgetSweepId(target.out);
        return;
      }
      await check();
      await renew();
      await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Takes results and failures out of the queue. */
  async #collect(): Promise<void> {
    const { queue } = this.#parts;
    for (;;) {
      const completed = present(await queue.getCompleted(0, COLLECTED - 1));
      for (const job of completed) await this.#settle(job, () => this.#result(job));
      const failed = present(await queue.getFailed(0, COLLECTED - 1));
      for (const job of failed) await this.#settle(job, async () => ({ failure: failureOf(job) }));
      if (completed.length + failed.length === 0) return;
    }
  }

  /** Records the outcome of a job, and then removes the job. */
  async #settle(job: TrialJob, outcome: () => Promise<TrialOutcome | undefined>): Promise<void> {
    const { connection, queue, specs, outcomes } = this.#parts;
    const trial = trialOfJob(job.id!);
    const position = this.#open.get(trial);
    const settled = position === undefined ? undefined : await outcome();
    if (position !== undefined && settled) {
      outcomes[position] = settled;
      this.#open.delete(trial);
    }
    await job.remove();
    if (position !== undefined && !settled) await addTrials(connection, queue, [specs[position]!]);
  }

  /** The result of a completed job; undefined if it is damaged and has to be trained again. */
  async #result(job: TrialJob): Promise<TrialOutcome | undefined> {
    const { connection, specs, target } = this.#parts;
    const trial = trialOfJob(job.id!);
    try {
      const result = parseResult(job.returnvalue);
      const record = await fetchResult(connection, specs[this.#open.get(trial)!]!, result, target);
      await deleteResult(connection, target.sweep, result);
      return { record };
    } catch (error) {
      if (!(error instanceof InvalidDocument)) throw error;
      const count = (this.#damaged.get(trial) ?? 0) + 1;
      this.#damaged.set(trial, count);
      return count < MAX_DAMAGED
        ? undefined
        : { failure: `its result was damaged ${count} times (${error.message})` };
    }
  }

  /** Adds the trials that Redis has lost again. */
  async #restore(): Promise<void> {
    const { connection, queue, specs, target } = this.#parts;
    const start = `${bullPrefix(connection)}:${target.sweep}:`;
    const keys = [...this.#open.keys()].map((trial) => `${start}${jobId(trial)}`);
    if ((await countExisting(connection, keys)) === keys.length) return;
    this.#announced = '';
    await storeBase(connection, target.sweep, target.base);
    await addTrials(
      connection,
      queue,
      [...this.#open.values()].map((position) => specs[position]!),
    );
  }

  async #renew(): Promise<void> {
    const { connection, target } = this.#parts;
    this.#announced = '';
    await storeBase(connection, target.sweep, target.base);
    await expireQueue(connection, target.sweep, [...this.#open.keys()].map(jobId));
  }

  /** Removes trials that an earlier call for the folder queued and this one does not need. */
  async #removeOthers(): Promise<void> {
    const { queue } = this.#parts;
    for (const job of present(await queue.getWaiting())) {
      // A worker may have taken it meanwhile.
      if (!this.#open.has(trialOfJob(job.id!))) await job.remove().catch(() => {});
    }
  }

  /** Describes the sweep in the queue, if that has changed. */
  async #announce(): Promise<void> {
    const { connection, specs, setup, outcomes, target } = this.#parts;
    const { done, failed } = stateOf(outcomes, []);
    const sweep: QueuedSweep = {
      id: target.sweep,
      createdAt: this.#createdAt,
      version,
      device: setup.device,
      base: target.base.description,
      data: specs[0]!.data,
      heldOut: setup.heldOut,
      steps: Math.max(...specs.map(({ settings }) => settings.steps)),
      total: specs.length,
      done,
      failed,
    };
    const text = JSON.stringify(sweep);
    if (text === this.#announced) return;
    await announceSweep(connection, sweep);
    this.#announced = text;
  }

  #cancelled(): QueueError {
    const { specs, target } = this.#parts;
    const done = specs.length - this.#open.size;
    return new QueueError(
      'sweep-cancelled',
      `sweep ${target.sweep}: was cancelled with ${done} of ${specs.length} trials done; start it again to continue`,
    );
  }
}

type WaitOptions = TrialsOptions & { readonly onNotice?: (message: string) => void };

/** Returns a function that calls `work` at most once per `intervalMs`. */
function every(intervalMs: number, work: () => Promise<void>): () => Promise<void> {
  let dueMs = performance.now() + intervalMs;
  return async () => {
    if (performance.now() < dueMs) return;
    await work();
    dueMs = performance.now() + intervalMs;
  };
}
