import { countOps, type Program } from '../../graph/index.ts';
import { hasNativeBackend, nativeBackend } from '../../tensorflow/index.ts';
import type { TrainingTask } from '../task.ts';
import type { EngineName } from './engine.ts';

export interface EngineChoice {
  readonly name: EngineName;
  /** Why it was chosen, in a few words. */
  readonly reason: string;
}

/**
 * From this many steps per op of the program, XLA's speed makes up for its compile time on a CPU: compiling takes 15
 * to 30 ms per op, and saves 0.1 to 0.3 ms per step of a small network.
 */
const STEPS_PER_OP = 100;

/** Ops that run many times slower under XLA on a CPU than as TensorFlow's own kernels, and are slow to compile. */
const SLOW_UNDER_XLA = /^(Conv|Depthwise|MaxPool|AvgPool)/;

/**
 * Chooses an engine by platform, number of steps, and ops of the step. docs/performance.md has the measurements.
 *
 * @param steps how many steps will be run
 * @param program records the step; called only if its ops matter
 */
export function chooseEngine(steps: number, program: () => Program): EngineChoice {
  if (!hasNativeBackend()) return { name: 'eager', reason: 'graphs need native TensorFlow' };
  if (nativeBackend().binding.isUsingGpuDevice()) return { name: 'xla', reason: 'XLA is fastest on a GPU' };
  const tooFewSteps: EngineChoice = { name: 'graph', reason: `${steps} steps take less time than compiling` };
  if (steps < 10 * STEPS_PER_OP) return tooFewSteps;
  const counts = countOps(program());
  const slowOp = [...counts.keys()].find((op) => SLOW_UNDER_XLA.test(op));
  if (slowOp) return { name: 'graph', reason: `XLA is slow at ${slowOp} on a CPU` };
  const ops = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (steps < ops * STEPS_PER_OP) return tooFewSteps;
  return { name: 'xla', reason: `compiling pays off for ${steps} steps of dense layers` };
}

/**
 * Chooses how many steps to unroll in the body of the compiled loop. Four make short steps a fifth faster on a CPU
 * and double the compile time, which only long runs of small adapters make up for. Splitting n + m steps into calls
 * of n and m steps then gives the same bits only if n is a multiple of four, and otherwise the same to rounding. On a
 * GPU the loop itself takes next to no time.
 */
export function chooseUnroll({ model }: TrainingTask, steps: number): number {
  if (nativeBackend().binding.isUsingGpuDevice()) return 1;
  const trainedValues = model.trainableWeights.reduce((sum, weight) => sum + weight.read().size, 0);
  return trainedValues < 50_000 && steps >= 50_000 ? 4 : 1;
}
