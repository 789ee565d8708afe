import type { Answer, Arguments, Call, Result, WorkerApi } from '../protocol.ts';

export type LessonProgress = Extract<Answer, { progress: unknown }>['progress'];

/** An error of the worker. `code` is that of an error of the library. */
export class WorkerFailure extends Error {
  readonly code: string | undefined;

  constructor({ message, code }: { readonly message: string; readonly code?: string }) {
    super(message);
    this.code = code;
  }
}

/** Calls the functions of a worker. */
export class WorkerClient {
  readonly #worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #calls = 0;
  /** Called with news of a lesson. */
  onProgress: (progress: LessonProgress) => void = () => {};

  constructor() {
    this.#worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      if ('progress' in data) return this.onProgress(data.progress);
      const call = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('error' in data) call?.reject(new WorkerFailure(data.error));
      else call?.resolve(data.result);
    });
    this.#worker.addEventListener('error', () => {
      const error = new WorkerFailure({
        message: 'the part of this page that runs the network did not start',
      });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  call<M extends keyof WorkerApi>(method: M, ...args: Arguments<M>): Promise<Awaited<Result<M>>> {
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, method, args } satisfies Call);
    });
  }

  end(): void {
    this.#worker.terminate();
  }
}
