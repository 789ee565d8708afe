import { shuffledSampler } from '../../src/mnist-data-loader/index.ts';
import { CompiledEngine } from '../../src/training/engines/compiled.ts';
import { recordStep } from '../../src/training/engines/compiled-step.ts';
import { EagerEngine } from '../../src/training/engines/eager.ts';
import type { Engine, TrainingTask } from '../../src/training/index.ts';

export type EngineKind = 'eager' | 'graph' | 'xla' | 'xla by fours' | 'xla for gpu';

/** The engine itself, without a way to fall back. */
export function engineOf(kind: EngineKind, task: TrainingTask): Engine {
  if (kind === 'eager') return new EagerEngine(task);
  const jit = kind !== 'graph';
  const stepsPerIteration = kind === 'xla by fours' ? 4 : 1;
  return new CompiledEngine(task, recordStep(task), {
    jit,
    stepsPerIteration,
    // With the lowerings for a GPU, whatever device runs it.
    target: kind === 'xla for gpu' ? 'gpu' : undefined,
  });
}

/** The rows of `steps` steps from `first` on, shuffled. */
export function rowsOf(task: TrainingTask, steps: number, first = 0): Int32Array {
  const { batchSize, data } = task;
  return shuffledSampler({ rows: data.rows, seed: 5 }).take(first * batchSize, steps * batchSize);
}

/** The losses of `steps` steps of a new engine. */
export function lossesOf(kind: EngineKind, task: TrainingTask, steps: number): Float32Array {
  const engine = engineOf(kind, task);
  try {
    return engine.run(rowsOf(task, steps));
  } finally {
    engine.dispose();
  }
}

/** The largest difference of two lists of losses, as a share of the losses (of 1 where they are smaller). */
export function largestRelativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce(
    (most, value, index) => Math.max(most, Math.abs(value - b[index]!) / Math.max(1, Math.abs(b[index]!))),
    0,
  );
}
