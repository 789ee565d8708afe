import type { HostTensor } from '../../tensorflow/index.ts';
import type { CallSize } from './call-size.ts';
import type { RecordedStep } from './record-step.ts';

/** The steps of one call of the session. */
export interface CallSteps {
  /** Row numbers, step after step [count * batchSize]. */
  readonly rows: Int32Array;
  /** Number of steps. */
  readonly count: number;
  /** Number of steps done before. */
  readonly done: number;
  readonly batchSize: number;
  /** How many copies of the step the loop's body has. */
  readonly unroll: number;
}

/** What a call feeds to the graph, and which of its iterations are steps. */
export interface CallFeeds {
  readonly feeds: Record<string, HostTensor>;
  /** The first iteration that is a step. */
  readonly first: number;
  /** The iteration after the last step. */
  readonly end: number;
}

/**
 * Returns what a call feeds to the graph: row numbers, the number of the first step, how many iterations to run, which of
 * them are steps, and the scalars of the update in each, such as the learning rate.
 *
 * The body of the loop has `unroll` copies of the step, and XLA may round differently in each. Step s therefore always runs
 * in copy s modulo `unroll`: a call first runs inactive iterations, which change nothing, up to that copy.
 */
export function callFeeds(
  recorded: RecordedStep,
  { capacity, fixed }: CallSize,
  { rows, count, done, batchSize, unroll }: CallSteps,
): CallFeeds {
  const first = done % unroll;
  const end = first + count;
  const firstStep = done - first;
  return {
    feeds: {
      rows: {
        dtype: 'int32',
        shape: [capacity, batchSize],
        values: placedRows(rows, first * batchSize, capacity * batchSize),
      },
      step: int32(firstStep),
      ...(!fixed && { iterations: int32(Math.ceil(end / unroll) * unroll) }),
      ...((unroll > 1 || fixed) && { first: int32(first), end: int32(end) }),
      ...scalarFeeds(recorded, { firstStep, end, capacity }),
    },
    first,
    end,
  };
}

/** An array of the given length with the rows from an offset on. The other elements belong to iterations that change nothing. */
function placedRows(rows: Int32Array, offset: number, length: number): Int32Array {
  if (rows.length === length) return rows;
  const placed = new Int32Array(length);
  placed.set(rows, offset);
  return placed;
}

/** The scalars of the update for iterations 0 to `end - 1`, [capacity] float32 each. */
function scalarFeeds(
  { scalarNames, scalarsAt }: RecordedStep,
  { firstStep, end, capacity }: { firstStep: number; end: number; capacity: number },
): Record<string, HostTensor> {
  const vectors = scalarNames.map(() => new Float32Array(capacity));
  for (let iteration = 0; iteration < end; iteration++) {
    scalarsAt(firstStep + iteration).forEach((value, index) => {
      vectors[index]![iteration] = value;
    });
  }
  return Object.fromEntries(
    scalarNames.map((name, index) => [
      name,
      { dtype: 'float32', shape: [capacity], values: vectors[index]! },
    ]),
  );
}

const int32 = (value: number): HostTensor => ({ dtype: 'int32', shape: [], values: Int32Array.of(value) });
