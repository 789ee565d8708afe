import { countOps, type Program, type XlaTarget } from '../../graph/index.ts';

/** How many turns of the loop a call of the session makes. */
export interface CallLength {
  /** The most, for which rows are fed whatever their number. */
  readonly turns: number;
  /** Whether each call makes that many: those after the last step are then undone. */
  readonly fixed: boolean;
}

const MOST = 512;

/** A GPU makes short work of a call, so that starting one has to be rare; but large batches make large feeds. */
const mostOnGpu = (batchSize: number) => Math.min(2000, Math.max(64, Math.floor(200_000 / batchSize)));

/** @param steps that will be run from one pause to the next, where that is known: a fixed length is made to fit them */
export function callLength(
  program: Program,
  { xla, batchSize, steps }: { xla: XlaTarget | undefined; batchSize: number; steps?: number },
): CallLength {
  if (xla !== 'gpu') return { turns: MOST, fixed: false };
  const most = mostOnGpu(batchSize);
  if (!asksTheHost(program)) return { turns: most, fixed: false };
  const wanted = Math.max(1, steps ?? most);
  return { turns: Math.ceil(wanted / Math.ceil(wanted / most)), fixed: true };
}

/**
 * Whether XLA's loop on a GPU looks at its condition from the host, which a length that is known saves it: cuDNN's
 * convolutions keep the loop out of a CUDA graph.
 */
function asksTheHost(program: Program): boolean {
  return [...countOps(program).keys()].some((op) => /Conv/.test(op));
}
