import { countOps, type Program } from '../../graph/index.ts';
import { hasNativeBackend, nativeBackend } from '../../tensorflow/index.ts';
import type { EngineName } from '../engine.ts';

export interface EngineChoice {
  readonly name: EngineName;
  /** Why, in a few words. */
  readonly reason?: string;
}

/**
 * Steps for each op of the program that earn back what XLA takes to compile it on a CPU: 15 to 30 ms an op, against
 * 0.1 to 0.3 ms saved in a step of a small net.
 */
const stepsPerOp = 100;

/** Ops that XLA runs many times slower than TensorFlow's own kernels on a CPU, and takes long to compile. */
const slowCompiled = /^(Conv|Depthwise|MaxPool|AvgPool)/;

/**
 * Picks an engine by the platform, the number of steps to run and what the step holds.
 *
 * @param program records the step; called only when its ops matter
 */
export function chooseEngine(steps: number, program: () => Program): EngineChoice {
  if (!hasNativeBackend()) return { name: 'eager', reason: 'only the native TensorFlow runs graphs' };
  if (nativeBackend().binding.isUsingGpuDevice()) return { name: 'xla', reason: 'XLA is fastest on a GPU' };
  if (steps < 10 * stepsPerOp) return tooFew(steps);
  const counts = countOps(program());
  const slow = [...counts.keys()].find((op) => slowCompiled.test(op));
  if (slow) return { name: 'graph', reason: `XLA is slow at ${slow} on a CPU` };
  const ops = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (steps < ops * stepsPerOp) return tooFew(steps);
  return { name: 'xla', reason: `${steps} steps of dense layers are worth compiling` };
}

function tooFew(steps: number): EngineChoice {
  return { name: 'graph', reason: `${steps} steps would be over before XLA has compiled them` };
}
