import { countOps, type Program } from '../../graph/index.ts';
import { hasNativeBackend, nativeBackend } from '../../tensorflow/index.ts';
import type { TrainingTask } from '../task.ts';
import type { EngineName } from './engine.ts';

export interface EngineChoice {
  readonly name: EngineName;
  /** Why it was chosen: a short phrase for the line that names the engine. */
  readonly reason: string;
}

/**
 * On a CPU, XLA is chosen for runs of at least `STEPS_WORTH_COMPILING` steps, and `STEPS_PER_OP` more for each op of the
 * program. Compiling takes about 0.4 s and 1.4 ms per op, and saves 0.05 to 2 ms per step: shorter runs would end later.
 */
const STEPS_WORTH_COMPILING = 3000;
const STEPS_PER_OP = 2;

/** Most ops of a step that is unrolled. Steps with more ops get no faster: the loop is a small part of their time. */
const MAX_UNROLLED_OPS = 100;

/** On a CPU, XLA compiles these ops slowly, and runs them many times slower than TensorFlow's own kernels. */
const SLOW_UNDER_XLA = /^(Conv|Depthwise|MaxPool|AvgPool)/;

/**
 * Chooses the fastest engine for the device, the number of steps, and the ops of a step. The measurements are in
 * docs/performance.md.
 *
 * @param steps number of steps that will be run
 * @param program records a step and returns it; called only if the choice depends on its ops
 */
export function chooseEngine(steps: number, program: () => Program): EngineChoice {
  if (!hasNativeBackend()) return { name: 'eager', reason: 'graphs need native TensorFlow' };
  if (nativeBackend().binding.isUsingGpuDevice()) return { name: 'xla', reason: 'XLA is fastest on a GPU' };
  const tooFewSteps: EngineChoice = {
    name: 'graph',
    reason: `compiling does not pay off for ${steps} steps`,
  };
  // For runs this short, do not spend time on recording a step to count its ops.
  if (steps < STEPS_WORTH_COMPILING) return tooFewSteps;
  const counts = countOps(program());
  const slowOp = [...counts.keys()].find((op) => SLOW_UNDER_XLA.test(op));
  if (slowOp) return { name: 'graph', reason: `XLA is slow at ${slowOp} on a CPU` };
  if (steps < STEPS_WORTH_COMPILING + STEPS_PER_OP * totalOps(counts)) return tooFewSteps;
  return { name: 'xla', reason: `compiling pays off for ${steps} steps` };
}

/**
 * Returns how many steps to unroll in the body of the XLA loop: 4 on a CPU if the run is long, few values are trained and a
 * step has few ops; otherwise 1.
 *
 * On a CPU, unrolling 4 steps makes short steps a fifth faster and doubles the compile time. It also changes
 * rounding: calls of n and m steps then give the same bits as one call of n + m steps only if n is a multiple of 4.
 * On a GPU the loop takes almost no time, so unrolling does not help.
 *
 * @param program the recorded step
 */
export function chooseUnroll({ model }: TrainingTask, program: Program, steps: number): number {
  if (nativeBackend().binding.isUsingGpuDevice()) return 1;
  const trainedValues = model.trainableWeights.reduce((sum, weight) => sum + weight.read().size, 0);
  const isShort = totalOps(countOps(program)) <= MAX_UNROLLED_OPS;
  return isShort && trainedValues < 50_000 && steps >= 50_000 ? 4 : 1;
}

const totalOps = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);
