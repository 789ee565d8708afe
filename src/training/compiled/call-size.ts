import { countOps, type Program, type XlaTarget } from '../../graph/index.ts';

/** How many steps one call of the session runs. */
export interface CallSize {
  /** The most steps of a call. The row numbers and scalars that are fed have this length, whatever the steps. */
  readonly capacity: number;
  /** Whether the loop always runs `capacity` iterations; those after the last step then change nothing. */
  readonly fixed: boolean;
}

const CPU_CAPACITY = 512;

/**
 * A call takes longer to start on a GPU than its steps take to run, so it runs many; fewer for large batches, to limit
 * the row numbers that are fed.
 */
const gpuCapacity = (batchSize: number) => Math.min(2000, Math.max(64, Math.floor(200_000 / batchSize)));

/** @param options.steps how many steps the engine is asked for at a time, if known: a fixed number is chosen to divide them */
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
 * Whether XLA evaluates the loop's condition on the host, before each iteration. cuDNN's convolutions keep the loop out
 * of a CUDA graph; with a known number of iterations there is no condition to evaluate.
 */
function conditionRunsOnHost(program: Program): boolean {
  return [...countOps(program).keys()].some((op) => /Conv/.test(op));
}
