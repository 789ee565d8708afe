import { hasNativeBackend, nativeBackend } from '../../graph/backend.ts';
import { countOps, type Program } from '../../graph/program.ts';
import type { EngineName } from '../engine.ts';

export interface EngineChoice {
  readonly name: EngineName;
  /** Why, in a few words. */
  readonly reason?: string;
}

/** Fewer steps than this do not earn back what XLA takes to compile a dense net, about a second on a CPU. */
const stepsWorthCompiling = 3000;

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
  if (steps < stepsWorthCompiling) {
    return { name: 'graph', reason: `${steps} steps would be over before XLA has compiled them` };
  }
  const slow = [...countOps(program()).keys()].find((op) => slowCompiled.test(op));
  if (slow) return { name: 'graph', reason: `XLA is slow at ${slow} on a CPU` };
  return { name: 'xla', reason: `${steps} steps of dense layers are worth compiling` };
}
