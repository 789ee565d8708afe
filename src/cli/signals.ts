import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Thrown by a command that a signal stopped, after it saved its work. */
export class Stopped extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM';

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/**
 * Runs work that ends by itself soon after `signal` aborts, having saved what it had. A second signal ends
 * the process at once.
 *
 * @throws Stopped when a signal came, after the work has ended
 */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: (typeof SIGNALS)[number] | undefined;
  const stop = (name: (typeof SIGNALS)[number]) => {
    if (received) process.exit(128 + constants.signals[name]);
    received = name;
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    const result = await work(controller.signal);
    if (received) throw new Stopped(received);
    return result;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}
