/** Work takes at least this many times as long as its checkpoints. */
const SHARE = 50;

/** When to save, and who hears that it did not work. */
export interface CheckpointOptions {
  /** The least time between two checkpoints, and before the first. */
  readonly everyMs: number;
  readonly note: (text: string) => unknown;
  readonly now?: () => number;
}

/**
 * Makes a function that saves a checkpoint when one is due. Where that fails, the work goes on: there is a line, one for
 * failures in a row, and the next that is due may do.
 */
export function checkpointWhenDue(
  save: () => Promise<void>,
  { everyMs, note, now = () => performance.now() }: CheckpointOptions,
): () => Promise<void> {
  let dueMs = now() + everyMs;
  let failed = false;
  return async () => {
    const startedMs = now();
    if (startedMs < dueMs) return;
    try {
      await save();
      failed = false;
    } catch (error) {
      if (!failed) note(`warning: training goes on without a new checkpoint: ${(error as Error).message}`);
      failed = true;
    }
    const endedMs = now();
    dueMs = endedMs + Math.max(everyMs, SHARE * (endedMs - startedMs));
  };
}
