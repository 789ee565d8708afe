/** Part of step 4 of the compiled engines (see engine.ts): how many threads run the loop on a CPU. */
import { countOperations } from '../../graph/index.ts';
import { threadsAreSet } from '../../tensorflow/index.ts';
import type { RecordedStep } from './record-step.ts';

/**
 * Steps up to this size run on one thread. A step of 40 million operations takes 0.4 ms, and about 20 of its kernels are large
 * enough for several threads. Starting and awaiting the threads takes longer than they save. If other programs use the cores,
 * one thread is faster for larger steps as well. Measurements are in docs/performance.md.
 */
const MOST_OPERATIONS = 40e6;

/** Updating a value with Adam moves 36 bytes, which takes as long as this many operations of a matrix product. */
const OPERATIONS_PER_UPDATE = 80;

/**
 * Returns 1 for small steps, else undefined: all cores, or the number of threads that the user has set. The choice depends
 * only on the step, because rounding depends on it: equal seeds have to give equal bits on a busy machine.
 */
export function chooseThreads({ program, trainable }: RecordedStep): number | undefined {
  if (threadsAreSet()) return undefined;
  const updates = [...trainable.values()].reduce((sum, { size }) => sum + size, 0);
  return countOperations(program) + OPERATIONS_PER_UPDATE * updates <= MOST_OPERATIONS ? 1 : undefined;
}
