import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import type { TrialRecord, TrialSpec } from './trial.ts';

/** A trial whose worker process ends this often without an answer has failed. */
const MAX_ATTEMPTS = 3;

/** The outcome of a trial that was given to the pool: its record, or why there is none. */
export type PoolOutcome = { readonly record: TrialRecord } | { readonly failure: string };

/** How to follow and stop a pool. */
export interface PoolOptions {
  /** Number of worker processes. */
  readonly jobs: number;
  readonly signal?: AbortSignal;
  /** Called when a trial begins, advances or ends. */
  readonly onChange?: (state: PoolState) => void;
}

/** What a pool is doing. */
export interface PoolState {
  readonly done: number;
  readonly failed: number;
  /** The fraction done of each trial that is being trained. */
  readonly running: readonly number[];
}

/**
 * Trains trials in worker processes, in the given order. A trial whose process was killed is tried again in a new one.
 *
 * @returns the outcomes by position; undefined for trials that the signal prevented
 */
export async function runTrialsInPool(
  specs: readonly TrialSpec[],
  setup: WorkerSetup,
  { jobs, signal, onChange }: PoolOptions,
): Promise<(PoolOutcome | undefined)[]> {
  const outcomes = new Array<PoolOutcome | undefined>(specs.length).fill(undefined);
  const running = new Map<number, number>();
  let next = 0;
  const report = () => {
    const finished = outcomes.filter((outcome) => outcome !== undefined);
    const failed = finished.filter(
      (outcome) => 'failure' in outcome || outcome.record.status === 'failed',
    ).length;
    onChange?.({ done: finished.length, failed, running: [...running.values()] });
  };
  const work = async () => {
    let worker: Worker | undefined;
    while (next < specs.length && !signal?.aborted) {
      const position = next++;
      const onProgress = (fraction: number) => {
        running.set(position, fraction);
        report();
      };
      onProgress(0);
      for (let attempt = 1; outcomes[position] === undefined && !signal?.aborted; attempt++) {
        worker ??= new Worker(setup, signal);
        const answer = await worker.run(specs[position]!, onProgress);
        if (answer.type === 'finished') outcomes[position] = { record: answer.record };
        if (answer.type === 'failed') outcomes[position] = { failure: answer.message };
        if (answer.type !== 'ended') continue;
        worker = undefined;
        if (attempt === MAX_ATTEMPTS) {
          outcomes[position] = {
            failure: `its worker process ended ${MAX_ATTEMPTS} times (${answer.reason})`,
          };
        }
      }
      running.delete(position);
      report();
    }
    worker?.end();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, specs.length) }, work));
  return outcomes;
}

type Answer =
  | Exclude<FromWorker, { type: 'progress' }>
  /** The process ended without an answer. */
  | { readonly type: 'ended'; readonly reason: string };

/** A worker process. It trains one trial at a time. */
class Worker {
  readonly #process: ChildProcess;

  constructor(setup: WorkerSetup, signal: AbortSignal | undefined) {
    const program = import.meta.url.endsWith('.ts')
      ? '../../dist/sweep/worker-process.js'
      : './worker-process.js';
    this.#process = fork(fileURLToPath(new URL(program, import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#send({ type: 'set up', setup });
    signal?.addEventListener('abort', () => this.#send({ type: 'stop' }), { once: true });
  }

  run(spec: TrialSpec, onProgress: (fraction: number) => void): Promise<Answer> {
    return new Promise((resolve) => {
      const finish = (answer: Answer) => {
        this.#process.off('message', onMessage).off('exit', onExit);
        resolve(answer);
      };
      const onMessage = (message: FromWorker) =>
        message.type === 'progress' ? onProgress(message.fraction) : finish(message);
      const onExit = (code: number | null, signal: string | null) =>
        finish({ type: 'ended', reason: signal ?? `exit code ${code}` });
      this.#process.on('message', onMessage).once('exit', onExit);
      this.#send({ type: 'run', spec });
    });
  }

  /** Ends the process, which is idle. */
  end(): void {
    if (this.#process.connected) this.#process.disconnect();
    this.#process.kill('SIGKILL');
  }

  #send(message: ToWorker): void {
    // An error means that the process has ended, which `run` learns from the event 'exit'.
    if (this.#process.connected) this.#process.send(message, () => {});
  }
}
