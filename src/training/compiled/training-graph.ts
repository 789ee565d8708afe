/** Step 3 of 4 of the compiled engines (see engine.ts), loop: the whole graph, with its variables. */
import { type TensorSpec, whileLoop, type XlaTarget } from '../../graph/index.ts';
import {
  controlInput,
  type DataType,
  type GraphBuilder,
  int64Words,
  SessionVariables,
  type TensorValues,
} from '../../tensorflow/index.ts';
import { batchArrays, type DataArray, type TrainingData } from '../data.ts';
import type { TrainingTask } from '../task.ts';
import type { LoopContext } from './iteration-builder.ts';
import { emitIteration } from './loop-body.ts';
import type { RecordedStep } from './record-step.ts';

/** The variables and the entry point of a training graph. */
export interface TrainingGraph {
  /** Weights and slots, by their names in the training state. */
  readonly state: SessionVariables;
  /** The data; `arrayValues` returns what to write. */
  readonly arrays: SessionVariables;
  /** `losses`: the loss of each iteration of the last call, [capacity] float32. */
  readonly losses: SessionVariables;
  /** Fetching this node runs the loop and returns the losses. */
  readonly run: string;
}

export interface TrainingGraphOptions {
  /** What XLA compiles the loop for; undefined to run it node by node. */
  readonly xla: XlaTarget | undefined;
  /** Make matrix products specify their precision. The graph then has to be run with `withExplicitPrecision`. */
  readonly explicitPrecision?: boolean;
  /** How many iterations the loop runs per pass. Default 1. */
  readonly unroll?: number;
  /** The most iterations that a call can run. */
  readonly capacity: number;
  /** Run `capacity` iterations in each call, a number that XLA then knows. */
  readonly fixed?: boolean;
}

/**
 * Adds the training loop to a graph. Each iteration runs the recorded step on the next batch; what it changes is in
 * session variables.
 *
 * A call feeds:
 * - `rows` [capacity, batch] int32, the rows of each iteration
 * - one [capacity] float32 for each of `step.scalarNames`
 * - `step` [] int32, the number of the optimizer step in iteration 0
 * - `iterations` [] int32, how many to run, a multiple of `unroll`; absent if `fixed`
 * - `first` and `end` [] int32: only iterations in [first, end) change anything; absent if neither `fixed` nor unrolled
 */
export function buildTrainingGraph(
  graph: GraphBuilder,
  step: RecordedStep,
  task: TrainingTask,
  { xla, explicitPrecision = false, unroll = 1, capacity, fixed = false }: TrainingGraphOptions,
): TrainingGraph {
  const state = new SessionVariables(graph, 'state');
  const arrays = new SessionVariables(graph, 'array', { shared: true });
  const losses = new SessionVariables(graph, 'loss');
  const handles = new Map(
    [...step.weights, ...step.slots].map(([name, { shape }]) => [
      name,
      state.add({ name, dtype: 'float32', shape }),
    ]),
  );
  const scalar = { dtype: 'int32', shape: [] } as const;
  const context: LoopContext = {
    graph,
    step,
    xla,
    explicitPrecision,
    handles,
    arrays: batchArrays(task.data).map((array, index) => {
      const shape = [task.data.rows, ...array.featureShape];
      const storedDtype = storedDtypeOf(array);
      const handle = arrays.add({ name: arrayName(index), dtype: storedDtype, shape });
      return { ...array, storedDtype, handle };
    }),
    losses: losses.add({ name: 'losses', dtype: 'float32', shape: [capacity] }),
    rows: feedInt64(graph, 'rows', [capacity, task.batchSize]),
    firstStep: graph.placeholder('step', scalar),
    active:
      fixed || unroll > 1
        ? { first: graph.placeholder('first', scalar), end: graph.placeholder('end', scalar) }
        : undefined,
    scalars: new Map(
      step.scalarNames.map((name) => [
        name,
        graph.placeholder(name, { dtype: 'float32', shape: [capacity] } satisfies TensorSpec),
      ]),
    ),
  };
  const done = whileLoop(graph, {
    name: 'train',
    iterations: fixed ? capacity : graph.placeholder('iterations', scalar),
    unroll,
    jit: xla !== undefined,
    body: (iteration) => emitIteration(context, iteration),
  });
  const trained = graph.add('ReadVariableOp', [context.losses, controlInput(done)], {
    dtype: { type: 'float32' },
  });
  return { state, arrays, losses, run: graph.identity(trained, 'float32', 'train/losses') };
}

/**
 * Adds a placeholder for int32 values, and returns them as int64. On a GPU the addon copies int64 values to the device as
 * soon as they are created, back to the host for the session's run, and to the device again; int32 values stay on the host
 * until the session copies them.
 */
function feedInt64(graph: GraphBuilder, name: string, shape: readonly number[]): string {
  const fed = graph.placeholder(name, { dtype: 'int32', shape });
  return graph.add('Cast', [fed], {
    SrcT: { type: 'int32' },
    DstT: { type: 'int64' },
    Truncate: { bool: false },
  });
}

/** Returns what to write into `TrainingGraph.arrays`. */
export function arrayValues(data: TrainingData): Map<string, TensorValues> {
  return new Map(
    batchArrays(data).map(({ values }, index) => [
      arrayName(index),
      values instanceof Int32Array ? int64Words(values) : values,
    ]),
  );
}

const arrayName = (index: number) => `array${index}`;

/** int32 values are stored as int64, because TensorFlow's int32 kernels of a GPU run on the host. */
function storedDtypeOf({ values }: DataArray): DataType {
  if (values instanceof Uint8Array) return 'uint8';
  return values instanceof Int32Array ? 'int64' : 'float32';
}
