import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
type Signal = (typeof SIGNALS)[number];

/** Thrown by a command that a signal stopped, after it has saved its work. */
export class Interrupted extends Error {
  readonly signal: Signal;

  constructor(signal: Signal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/**
 * Runs work that saves what it has and ends soon after its AbortSignal aborts, which SIGINT and SIGTERM cause. A second
 * signal ends the process immediately.
 *
 * @throws Interrupted if a signal arrived, once the work has ended
 */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: Signal | undefined;
  const stop = (signal: Signal) => {
    if (received) process.exit(128 + constants.signals[signal]);
    received = signal;
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const result = await work(controller.signal);
    if (received) throw new Interrupted(received);
    return result;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}
