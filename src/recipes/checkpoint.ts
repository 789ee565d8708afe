/** Training takes at least this many times as long as saving its checkpoints. */
const TRAINING_PER_SAVING = 50;

/** When to save checkpoints. */
export interface CheckpointSchedule {
  /** Least time between two checkpoints, and before the first, in ms. */
  readonly everyMs: number;
  /** Called once for each series of failures in a row. */
  readonly onNotice: (line: string) => void;
  /** The current time in ms; for tests. */
  readonly now?: () => number;
}

/**
 * Returns a function that saves a checkpoint if one is due. A failure to save does not end the training: it sends a
 * notice once per series of failures, and saving is tried again when the next checkpoint is due.
 */
export function checkpointWhenDue(
  save: () => Promise<void>,
  { everyMs, onNotice, now = () => performance.now() }: CheckpointSchedule,
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
      if (!failed)
        onNotice(`warning: training continues without a new checkpoint: ${(error as Error).message}`);
      failed = true;
    }
    const endedMs = now();
    dueMs = endedMs + Math.max(everyMs, TRAINING_PER_SAVING * (endedMs - startedMs));
  };
}
