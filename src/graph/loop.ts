/**
 * Step 3 of 4, emit: a while loop in a TensorFlow graph, for programs that run many times in one call, such
 * as training steps.
 *
 * TensorFlow has two kinds of control flow in graphs. This is version 1, made of plain nodes (Yu et al. 2018,
 * arXiv:1805.01772, section 4), because the same nodes can be run by TensorFlow or compiled by XLA:
 *
 *             +--------------------- NextIteration <--- AddV2 <--- iterations of the body
 *             v                                                          ^
 *   Enter -> Merge -> Less -> LoopCond -> Switch -- true: the index -----+
 *                                            +----- false: Exit
 *
 * Only the index, [] int32, goes round. All other state is in variables, and control inputs keep the iterations
 * in order.
 */
import {
  controlInput,
  type DataType,
  type GraphBuilder,
  outputName,
  type TensorSpec,
  type TensorValues,
} from '../tensorflow/index.ts';

/** An iteration of the loop, for the function that adds its nodes. */
export interface Iteration {
  /** The number of the iteration, from 0: [] int32. */
  readonly index: string;
  /** Control inputs that make a node run in this iteration, after all nodes that completed the one before. */
  readonly controlInputs: readonly string[];
  /** Makes a value from outside the loop, such as a variable's handle, available in it. */
  capture(value: string, dtype: DataType): string;
  /** Adds a constant to the loop. Equal small constants share a node. */
  constant(spec: TensorSpec, values: TensorValues): string;
}

export interface LoopOptions {
  /** Unique in the graph. */
  readonly name: string;
  /** How many iterations to run: a number, or the name of a value outside the loop, [] int32. */
  readonly iterations: number | string;
  /** Copies of the body that run per pass of the loop. `iterations` must be a multiple of it. */
  readonly unroll: number;
  /** Compile the loop with XLA as one program. */
  readonly jit: boolean;
  /** Adds the nodes of one iteration. Returns the nodes that complete it. */
  body(iteration: Iteration): readonly string[];
}

const int32 = { T: { type: 'int32' } } as const;
const scalar = { dtype: 'int32', shape: [] } as const;

/** Larger constants share a node only if they are the same array: comparing elements would take too long. */
const MAX_COMPARED_VALUES = 64;

/**
 * Adds a while loop to a graph.
 *
 * @returns a node outside the loop, [] int32, to be fetched: it runs when the loop has ended
 */
export function whileLoop(graph: GraphBuilder, options: LoopOptions): string {
  const { name, unroll, jit } = options;
  const exit = graph.cluster(jit ? name : undefined, () => {
    const enter = (value: string, dtype: DataType, isConstant: boolean) =>
      graph.add('Enter', [value], {
        T: { type: dtype },
        frame_name: { string: name },
        is_constant: { bool: isConstant },
        parallel_iterations: { int: 1 },
      });
    const zero = graph.constant(scalar, Int32Array.of(0));
    const nextName = `${name}/next`;
    const merge = graph.add('Merge', [enter(zero, 'int32', false), nextName], { ...int32, N: { int: 2 } });
    const { iterations } = options;
    const limit =
      typeof iterations === 'string' ? iterations : graph.constant(scalar, Int32Array.of(iterations));
    const isLess = graph.add('Less', [merge, enter(limit, 'int32', true)], int32);
    const condition = graph.add('LoopCond', [isLess]);
    const choice = graph.add('Switch', [merge, condition], int32);
    const start = graph.add('Identity', [outputName(choice, 1)], int32);

    const { capture, constant } = loopValues(graph, {
      jit,
      start,
      enter: (value, dtype) => enter(value, dtype, true),
    });
    let controlInputs = [controlInput(start)];
    for (let copy = 0; copy < unroll; copy++) {
      const index =
        copy === 0 ? start : graph.add('AddV2', [start, constant(scalar, Int32Array.of(copy))], int32);
      const completed = options.body({ index, controlInputs, capture, constant });
      controlInputs = completed.map(controlInput);
    }
    const next = graph.add('AddV2', [start, constant(scalar, Int32Array.of(unroll))], int32);
    graph.add('NextIteration', [next, ...controlInputs], int32, nextName);
    return graph.add('Exit', [choice], int32);
  });
  const exited = jit ? graph.add('XlaClusterOutput', [exit], int32) : exit;
  return graph.identity(exited, 'int32', `${name}/done`);
}

interface LoopFrame {
  readonly jit: boolean;
  /** The index in the loop. */
  readonly start: string;
  /** Brings a value that stays the same into the loop. */
  enter(value: string, dtype: DataType): string;
}

/** `capture` and `constant` of all iterations of a loop. Each value enters the loop once. */
function loopValues(
  graph: GraphBuilder,
  { jit, start, enter }: LoopFrame,
): Pick<Iteration, 'capture' | 'constant'> {
  const entered = new Map<unknown, string>();
  const once = (key: unknown, add: () => string) => {
    const node = entered.get(key) ?? add();
    entered.set(key, node);
    return node;
  };
  return {
    capture: (value, dtype) => once(`value ${value}`, () => enter(value, dtype)),
    constant: (spec, values) =>
      once(constantKey(spec, values), () =>
        // For XLA a constant in the loop is free. TensorFlow would create it again in each iteration.
        jit
          ? graph.constant(spec, values, [controlInput(start)])
          : enter(graph.constant(spec, values), spec.dtype),
      ),
  };
}

function constantKey({ dtype, shape }: TensorSpec, values: TensorValues): unknown {
  if (values.length > MAX_COMPARED_VALUES) return values;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return `constant ${dtype} ${shape.join('x')} ${bytes}`;
}
