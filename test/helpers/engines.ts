import { shuffledSampler } from '../../src/data/index.ts';
import { CompiledEngine } from '../../src/training/compiled/engine.ts';
import { recordStep } from '../../src/training/compiled/record-step.ts';
import { EagerEngine } from '../../src/training/engines/eager.ts';
import type { Engine, TrainingTask } from '../../src/training/index.ts';

/** `unrolled xla` unrolls four steps. `xla for gpu` uses the lowerings for a GPU, whatever device runs it. */
export type EngineKind = 'eager' | 'graph' | 'xla' | 'unrolled xla' | 'xla for gpu';

/** Creates an engine that never falls back to another one, as `createEngine` would. */
export function engineOf(kind: EngineKind, task: TrainingTask): Engine {
  if (kind === 'eager') return new EagerEngine(task);
  return new CompiledEngine(task, recordStep(task), {
    jit: kind !== 'graph',
    unroll: kind === 'unrolled xla' ? 4 : 1,
    target: kind === 'xla for gpu' ? 'gpu' : undefined,
  });
}

/** Returns the shuffled rows of `steps` steps, starting at step `firstStep`. */
export function rowsOf({ batchSize, data }: TrainingTask, steps: number, firstStep = 0): Int32Array {
  return shuffledSampler({ rows: data.rows, seed: 5 }).take(firstStep * batchSize, steps * batchSize);
}

/** Returns the losses of the first `steps` steps of a new engine. */
export function lossesOf(kind: EngineKind, task: TrainingTask, steps: number): Float32Array {
  const engine = engineOf(kind, task);
  try {
    return engine.run(rowsOf(task, steps));
  } finally {
    engine.dispose();
  }
}

/** The largest difference between two lists of losses, relative to the loss, or absolute where that is below 1. */
export function largestRelativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce(
    (most, value, index) => Math.max(most, Math.abs(value - b[index]!) / Math.max(1, Math.abs(b[index]!))),
    0,
  );
}
