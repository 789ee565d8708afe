/** Part of step 4 of the compiled engines (see engine.ts): how many steps a call of the session can run. */
import { countOps, type Program, type XlaTarget } from '../../graph/index.ts';

/** The size of a call of the session. */
export interface CallSize {
  /** The most steps of a call. What is fed has this length, also for fewer steps, so that XLA compiles only once. */
  readonly capacity: number;
  /** Whether the loop always runs `capacity` iterations. Those after the last step then change nothing. */
  readonly fixed: boolean;
}

const CPU_CAPACITY = 512;

/**
 * Steps are fast on a GPU, so that it takes many to make up for the start of a call. Large batches have more row
 * numbers to feed, and run longer.
 */
const gpuCapacity = (batchSize: number) => Math.min(2000, Math.max(64, Math.floor(200_000 / batchSize)));

/**
 * Chooses the size of the calls for a program.
 *
 * @param options.xla what XLA compiles the loop for, if it does
 * @param options.steps how many steps the engine will be asked for at a time, if known: calls of a fixed size divide
 *   them with few left over
 */
export function chooseCallSize(
  program: Program,
  options: {
    readonly xla: XlaTarget | undefined;
    readonly batchSize: number;
    readonly steps?: number;
  },
): CallSize {
  if (options.xla !== 'gpu') return { capacity: CPU_CAPACITY, fixed: false };
  const most = gpuCapacity(options.batchSize);
  if (!conditionRunsOnHost(program)) return { capacity: most, fixed: false };
  const steps = Math.max(1, options.steps ?? most);
  const calls = Math.ceil(steps / most);
  return { capacity: Math.ceil(steps / calls), fixed: true };
}

/**
 * Whether XLA evaluates the loop's condition on the host, before each iteration. cuDNN's convolutions keep the loop
 * out of a CUDA graph; with a known number of iterations there is no condition to evaluate.
 */
function conditionRunsOnHost(program: Program): boolean {
  return [...countOps(program).keys()].some((op) => /Conv/.test(op));
}
