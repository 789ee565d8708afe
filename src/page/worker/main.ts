/** The worker of the page: runs the network, so that drawing never waits for it. */
import * as tf from '@tensorflow/tfjs';
import { AppError, DataError } from '../../errors.ts';
import { normalizeDigit } from '../../pictures/index.ts';
import type { Answer, Arguments, BackendName, Call, Result, Sample, WorkerApi } from '../protocol.ts';
import { measureBackends, useBackend } from './backends.ts';
import { loadPage } from './load.ts';
import { Student } from './student.ts';
import { teach } from './teach.ts';

tf.enableProdMode();

let student: Student | undefined;
let lesson: AbortController | undefined;
let lessons = 0;

type Methods = { [M in keyof WorkerApi]: (...args: Arguments<M>) => Result<M> | Promise<Result<M>> };

const methods: Methods = {
  async load(url, backend) {
    const names: readonly BackendName[] = backend ? [backend, 'wasm', 'cpu'] : ['wasm', 'cpu'];
    for (const name of names) {
      if (!(await useBackend(name))) continue;
      student = new Student(await loadPage(url));
      return { backend: name, data: student.page.data };
    }
    throw new Error('this browser runs neither WebAssembly nor JavaScript numbers; use another browser');
  },
  async setAdapter(files) {
    if (lesson) throw new Error('a lesson is running; cancel it first');
    await ready().setAdapter(files);
    return await ready().facts();
  },
  setStrength: (strength) => ready().setStrength(strength),
  read({ width, height, data }) {
    try {
      return ready().read(normalizeDigit({ width, height, data }, ready().page.data.size, 'drawing'));
    } catch (error) {
      if (error instanceof DataError) return undefined;
      throw error;
    }
  },
  readPixels: (pixels) => ready().read(pixels),
  example() {
    const { test } = ready().page;
    const row = Math.floor(Math.random() * test.count);
    const pixels = test.height * test.width;
    return {
      pixels: test.images.slice(row * pixels, (row + 1) * pixels),
      label: test.labels[row]!,
    } satisfies Sample;
  },
  async teach(plan) {
    lesson = new AbortController();
    try {
      const onProgress = (progress: { step: number; steps: number; losses: readonly number[] }) =>
        send({ progress });
      return await teach(ready(), plan, { signal: lesson.signal, seed: lessons++, onProgress });
    } finally {
      lesson = undefined;
    }
  },
  cancel: () => lesson?.abort(),
  evaluate: () => ready().evaluate(ready().page.test),
  measure: () => measureBackends(),
};

function ready(): Student {
  if (!student) throw new Error('the network is not loaded yet');
  return student;
}

function send(answer: Answer): void {
  postMessage(answer);
}

addEventListener('message', async ({ data: { id, method, args } }: MessageEvent<Call>) => {
  try {
    const run = methods[method] as (...values: readonly unknown[]) => unknown;
    send({ id, result: await run(...args) });
  } catch (error) {
    const { message } = error as Error;
    send({ id, error: { message, code: error instanceof AppError ? error.code : undefined } });
  }
});
