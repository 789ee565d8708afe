/**
 * The signals that end a session: Ctrl-C, `kill`, and a terminal that closes. Node resets SIGHUP to its default at start, so
 * `nohup` does not keep it from this program.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
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
 * Runs `work` with an AbortSignal, which the first signal to the process aborts. The work then saves its results and
 * returns. The first signal also restores the default handlers, so that a second one ends the process immediately, even
 * while the work blocks the event loop. While it is blocked at the first signal, only `LoadOptions.endAtSecondSignal` of
 * native TensorFlow does that.
 *
 * @throws Interrupted if a signal arrived, once the work has ended
 */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: Signal | undefined;
  const restoreDefaults = () => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
  const stop = (signal: Signal) => {
    received = signal;
    restoreDefaults();
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const result = await work(controller.signal);
    if (received) throw new Interrupted(received);
    return result;
  } finally {
    restoreDefaults();
  }
}
