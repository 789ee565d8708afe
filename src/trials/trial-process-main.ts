// A trial process: trains one trial after the other, as its parent asks.
import { resolve } from 'node:path';
import { AppError, type ErrorCode } from '../errors.ts';
import { loadMnist } from '../mnist-data-loader/index.ts';
import { openRun } from '../runs/index.ts';
import { loadTensorFlow } from '../tensorflow/index.ts';
import { dataOf, holdOut } from './held-out.ts';
import type { FromProcess, ToProcess, TrialSetup } from './messages.ts';
import { runTrial, type TrialContext } from './run-trial.ts';

/** Of the trial in progress. */
let controller = new AbortController();

// The terminal sends SIGINT to every process of the sweep; the parent decides what happens.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// The parent has ended.
process.on('disconnect', () => controller.abort());

let context: Promise<TrialContext>;
process.on('message', (message: ToProcess) => {
  if (message.type === 'set up') {
    context = prepare(message.setup);
    // An error is sent as the answer to the first trial.
    context.catch(() => {});
  } else if (message.type === 'run') {
    controller = new AbortController();
    void train(message, controller.signal);
  } else controller.abort();
});

/** Errors that do not depend on the settings of a trial. */
const COMMON_ERRORS: readonly ErrorCode[] = ['file-unwritable', 'base-changed', 'data-changed'];

async function prepare({ out, run, data, heldOut, device }: TrialSetup): Promise<TrialContext> {
  await loadTensorFlow({ device, threads: 1 });
  const base = await openRun(resolve(run));
  const images = holdOut(await loadMnist({ directory: data }), heldOut);
  return { out, base, data: images, dataHashes: dataOf(images) };
}

async function train({ spec }: Extract<ToProcess, { type: 'run' }>, signal: AbortSignal): Promise<void> {
  let isPrepared = false;
  try {
    const prepared = await context;
    isPrepared = true;
    const record = await runTrial(spec, prepared, {
      signal,
      onProgress: ({ step, steps }) => send({ type: 'progress', fraction: step / steps }),
    });
    send(record ? { type: 'finished', record } : { type: 'stopped' });
  } catch (error) {
    const { message, stack = message } = error as Error;
    if (!(error instanceof AppError)) {
      send({ type: 'failed', message: stack });
      return;
    }
    const { exitCode, code } = error;
    const isCommon = !isPrepared || COMMON_ERRORS.includes(code);
    send({ type: 'failed', message, error: { exitCode, code, isCommon } });
  }
}

function send(message: FromProcess): void {
  if (process.connected) process.send!(message);
}
