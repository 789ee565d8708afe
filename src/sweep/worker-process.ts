// A worker process of a sweep: trains one trial after the other, as its parent asks.
import { resolve } from 'node:path';
import { AppError } from '../errors.ts';
import { loadMnist } from '../mnist-data-loader/index.ts';
import { openRun } from '../runs/index.ts';
import { loadTensorFlow } from '../tensorflow/index.ts';
import { dataOf, holdOut } from './held-out.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import { runTrial, type TrialContext } from './run-trial.ts';

const controller = new AbortController();

// The terminal sends SIGINT to every process of the sweep; the parent decides what happens.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// The parent has ended.
process.on('disconnect', () => controller.abort());

let context: Promise<TrialContext>;
process.on('message', (message: ToWorker) => {
  if (message.type === 'set up') {
    context = prepare(message.setup);
    // An error is sent as the answer to the first trial.
    context.catch(() => {});
  } else if (message.type === 'run') void train(message);
  else controller.abort();
});

async function prepare({ out, run, data, heldOut, device }: WorkerSetup): Promise<TrialContext> {
  await loadTensorFlow({ device, threads: 1 });
  const base = await openRun(resolve(run));
  const images = holdOut(await loadMnist({ directory: data }), heldOut);
  return { out, base, data: images, dataHashes: dataOf(images) };
}

async function train({ spec }: Extract<ToWorker, { type: 'run' }>): Promise<void> {
  try {
    const record = await runTrial(spec, await context, {
      signal: controller.signal,
      onProgress: ({ step, steps }) => send({ type: 'progress', fraction: step / steps }),
    });
    send(record ? { type: 'finished', record } : { type: 'stopped' });
  } catch (error) {
    const isKnown = error instanceof AppError;
    send({ type: 'failed', message: isKnown ? error.message : String((error as Error).stack), isKnown });
  }
}

function send(message: FromWorker): void {
  if (process.connected) process.send!(message);
}
