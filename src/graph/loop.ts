import {
  controlInput,
  type DataType,
  type GraphBuilder,
  outputName,
  type TensorSpec,
  type TensorValues,
} from '../tensorflow/index.ts';

/** One turn of the loop, as the code that writes its body sees it. */
export interface Iteration {
  /** int32 scalar: the number of this turn. */
  readonly index: string;
  /** Control edges that make a node run in this turn and after everything of the turn before. */
  readonly controlInputs: readonly string[];
  /** Brings a tensor from outside the loop into it. */
  capture(value: string, dtype: DataType): string;
  constant(spec: TensorSpec, values: TensorValues): string;
}

export interface LoopOptions {
  /** Unique in the graph. */
  readonly name: string;
  /** How many turns to make: a number, or an int32 scalar outside the loop. */
  readonly iterations: number | string;
  /** Turns written out one after another in the body; `turns` has to be a multiple. */
  readonly unroll: number;
  /** Compile the loop as one XLA program. */
  readonly jit: boolean;
  /** Writes a turn and gives the nodes that complete it. */
  body(turn: Iteration): readonly string[];
}

const int32 = { T: { type: 'int32' } } as const;

/**
 * Writes a while loop of TensorFlow's version-1 control flow (Yu et al. 2018, arXiv:1805.01772, section 4): the index goes round through Merge,
 * Switch and NextIteration; all else that changes lives in variables. The same loop serves plain execution and XLA.
 *
 * @returns a node outside the loop that is ready when the loop has ended
 */
export function whileLoop(graph: GraphBuilder, options: LoopOptions): string {
  const { name, unroll, jit } = options;
  const exit = graph.cluster(jit ? name : undefined, () => {
    const enter = (value: string, dtype: DataType, constant: boolean) =>
      graph.add('Enter', [value], {
        T: { type: dtype },
        frame_name: { string: name },
        is_constant: { bool: constant },
        parallel_iterations: { int: 1 },
      });
    const zero = graph.constant({ dtype: 'int32', shape: [] }, Int32Array.of(0));
    const nextName = `${name}/next`;
    const merge = graph.add('Merge', [enter(zero, 'int32', false), nextName], {
      ...int32,
      N: { int: 2 },
    });
    const turns =
      typeof options.iterations === 'string'
        ? options.iterations
        : graph.constant({ dtype: 'int32', shape: [] }, Int32Array.of(options.iterations));
    const more = graph.add('Less', [merge, enter(turns, 'int32', true)], int32);
    const condition = graph.add('LoopCond', [more]);
    const choice = graph.add('Switch', [merge, condition], int32);
    const start = graph.add('Identity', [outputName(choice, 1)], int32);

    const entered = new Map<string, string>();
    const once = (key: string, make: () => string) => {
      const known = entered.get(key) ?? make();
      entered.set(key, known);
      return known;
    };
    const constant = (spec: TensorSpec, values: TensorValues) =>
      once(constantKey(spec, values), () =>
        jit
          ? graph.constant(spec, values, [controlInput(start)])
          : enter(graph.constant(spec, values), spec.dtype, true),
      );
    const scalar = (value: number) => constant({ dtype: 'int32', shape: [] }, Int32Array.of(value));
    const capture = (value: string, dtype: DataType) =>
      once(`outside ${value}`, () => enter(value, dtype, true));

    let controlInputs = [controlInput(start)];
    for (let turn = 0; turn < unroll; turn++) {
      const index = turn === 0 ? start : graph.add('AddV2', [start, scalar(turn)], int32);
      controlInputs = options.body({ index, controlInputs, capture, constant }).map(controlInput);
    }
    const next = graph.add('AddV2', [start, scalar(unroll)], int32);
    graph.add('NextIteration', [next, ...controlInputs], int32, nextName);
    return graph.add('Exit', [choice], int32);
  });
  const left = jit ? graph.add('XlaClusterOutput', [exit], int32) : exit;
  return graph.identity(left, 'int32', `${name}/done`);
}

/** Equal constants share a node; large ones are told apart by identity, which is cheaper than reading them. */
function constantKey(spec: TensorSpec, values: TensorValues): string {
  if (values.length > 64) return `large ${largeConstantNumber(values)}`;
  return `${spec.dtype} ${spec.shape.join('x')} ${[...new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]}`;
}

const largeConstants = new WeakMap<TensorValues, number>();
let largeCount = 0;

function largeConstantNumber(values: TensorValues): number {
  const known = largeConstants.get(values) ?? largeCount++;
  largeConstants.set(values, known);
  return known;
}
