import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type TrialLimits, watchLimits } from './limits.ts';
import type { FromProcess, ToProcess, TrialSetup } from './messages.ts';
import type { TrialSpec } from './trial.ts';

/** What a trial process answered to a trial. */
export type TrialAnswer =
  | Exclude<FromProcess, { type: 'progress' }>
  /** The process ended without an answer. */
  | { readonly type: 'ended'; readonly reason: string };

/** How to follow, limit and stop a trial. */
export interface TrialRunOptions {
  readonly onProgress: (fraction: number) => void;
  readonly limits?: TrialLimits;
  readonly signal?: AbortSignal;
}

/** A process that trains one trial at a time, with one thread. */
export class TrialProcess {
  readonly #process: ChildProcess;
  /** Why the process ended. */
  #ended?: string;

  constructor(setup: TrialSetup) {
    const program = import.meta.url.endsWith('.ts')
      ? '../../dist/trials/trial-process-main.js'
      : './trial-process-main.js';
    this.#process = fork(fileURLToPath(new URL(program, import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process
      .once('exit', (code, signal) => {
        this.#ended ??= signal ?? `exit code ${code}`;
      })
      .on('error', ({ message }) => {
        this.#ended ??= message;
      });
    this.#send({ type: 'set up', setup });
  }

  /** Whether the process can train another trial. */
  get isAlive(): boolean {
    return this.#ended === undefined && this.#process.connected;
  }

  run(spec: TrialSpec, { onProgress, limits = {}, signal }: TrialRunOptions): Promise<TrialAnswer> {
    if (!this.isAlive) return Promise.resolve({ type: 'ended', reason: this.#ended ?? 'disconnected' });
    return new Promise((resolve) => {
      let exceeded: string | undefined;
      const stopWatching = watchLimits(this.#process.pid, limits, (reason) => {
        exceeded = reason;
        this.#process.kill('SIGKILL');
      });
      const stop = () => this.#send({ type: 'stop' });
      const finish = (answer: TrialAnswer) => {
        stopWatching();
        signal?.removeEventListener('abort', stop);
        this.#process.off('message', onMessage).off('exit', onEnd).off('error', onEnd);
        resolve(answer);
      };
      const onMessage = (message: FromProcess) =>
        message.type === 'progress' ? onProgress(message.fraction) : finish(message);
      const onEnd = () => finish({ type: 'ended', reason: exceeded ?? this.#ended! });
      this.#process.on('message', onMessage).once('exit', onEnd).once('error', onEnd);
      this.#send({ type: 'run', spec });
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** Ends the process at once. */
  end(): void {
    if (this.#process.connected) this.#process.disconnect();
    this.#process.kill('SIGKILL');
  }

  #send(message: ToProcess): void {
    // An error means that the process has ended, which `run` learns from the event 'exit'.
    if (this.#process.connected) this.#process.send(message, () => {});
  }
}
