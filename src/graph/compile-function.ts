/**
 * All four steps for a function of tensors: record it, simplify the program, emit a graph, run it in a session.
 */
import * as tf from '@tensorflow/tfjs';
import {
  DamagedCacheError,
  GraphBuilder,
  type HostTensor,
  type NativeBackend,
  nativeBackend,
  Session,
  SessionVariables,
  tensorId,
} from '../tensorflow/index.ts';
import { requireCompileOptions, requireFunction, requireInput } from './arguments.ts';
import { emitProgram } from './emit.ts';
import { countIterations } from './hooks.ts';
import type { Program } from './program.ts';
import { isRecording, type Recording, record } from './record.ts';
import { simplify } from './simplify.ts';

type Result = tf.Tensor | tf.Tensor[];

/** Bytes in place of a tensor. They are cast to float32 on the device: the function gets values from 0 to 255. */
export interface Bytes extends HostTensor {
  readonly dtype: 'uint8';
  readonly values: Uint8Array;
  /**
   * Whether the bytes stay on the device. Later calls with the same part of the same buffer do not copy them again, so their
   * values must not change. Default false: each call copies them.
   */
  readonly resident?: boolean;
}

type Input = tf.Tensor | Bytes;

export interface CompileOptions {
  /** Compile with XLA: the first call takes longer, later ones are faster for dense layers. Default false. */
  readonly jit?: boolean;
  /** For how many combinations of input shapes to keep a graph. The least recently used is freed. Default 8. */
  readonly maxShapes?: number;
}

/** Takes what the function takes, with bytes in place of any tensor, and returns what it returns. */
export interface CompiledFunction<R extends Result, I extends tf.Tensor[] = tf.Tensor[]> {
  (...inputs: { [K in keyof I]: I[K] | Bytes }): R;
  /** Frees the graphs and their variables. The function can still be called, and is then recorded again. */
  dispose(): void;
}

/**
 * Compiles a function of tensors to a TensorFlow graph, like `tf.function` in Python.
 *
 * `fn` is recorded on the first call for each combination of input shapes and dtypes, and again after a change that
 * `Recording.isStale` finds. Each call reads the current values of variables, and assigns to them what `fn` assigns; so
 * `fn` may take a step with an optimizer of tfjs. Other values of JavaScript, such as a number that `fn` reads from outside,
 * are fixed when it is recorded; pass what changes as a tensor, or keep it in a variable. As with `fn` itself, the caller
 * disposes the results. No gradients flow through the compiled function.
 *
 * @param fn synchronous; takes tensors and returns a tensor or a list of tensors; see `record` for what it
 *   must not do
 * @returns a function that throws UsageError if an input is invalid, RecordingError if `fn` cannot be recorded, and
 *   TensorFlowError if its graph cannot be run
 * @throws UsageError if an argument is invalid
 * @example
 * const predict = compileFunction((x: tf.Tensor2D) => tf.softmax(tf.matMul(x, w)), { jit: true });
 * const y = predict(tf.zeros([32, 784])); // [32, 10] float32
 */
export function compileFunction<I extends tf.Tensor[], R extends Result>(
  fn: (...inputs: I) => R,
  options: CompileOptions = {},
): CompiledFunction<R, I> {
  requireFunction(fn);
  requireCompileOptions(options);
  const { jit = false, maxShapes = 8 } = options;
  // By input shapes and dtypes, the least recently used first.
  const concreteFunctions = new Map<string, ConcreteFunction>();
  const create = (key: string, inputs: readonly Input[]) => {
    const concrete = new ConcreteFunction(fn as never as ListOrTensorFunction, inputs, jit);
    concreteFunctions.set(key, concrete);
    return concrete;
  };
  const find = (key: string): ConcreteFunction | undefined => {
    const concrete = concreteFunctions.get(key);
    if (!concrete) return undefined;
    concreteFunctions.delete(key);
    if (concrete.isStale()) {
      concrete.dispose();
      return undefined;
    }
    concreteFunctions.set(key, concrete);
    return concrete;
  };
  const call = (...inputs: Input[]): R => {
    inputs.forEach(requireInput);
    if (isRecording()) return fn(...(inputs.map(tensorOf) as I));
    const key = inputs
      .map((input) => `${isResident(input) ? 'resident ' : ''}${input.dtype}[${input.shape}]`)
      .join(' ');
    const concrete = find(key) ?? create(key, inputs);
    for (const [leastRecentKey, leastRecent] of concreteFunctions) {
      if (concreteFunctions.size <= maxShapes) break;
      concreteFunctions.delete(leastRecentKey);
      leastRecent.dispose();
    }
    try {
      return concrete.run(inputs) as R;
    } catch (error) {
      if (!(error instanceof DamagedCacheError)) throw error;
      concrete.dispose();
      return create(key, inputs).run(inputs) as R;
    }
  };
  const dispose = () => {
    for (const concrete of concreteFunctions.values()) concrete.dispose();
    concreteFunctions.clear();
  };
  return Object.assign(call, { dispose }) as unknown as CompiledFunction<R, I>;
}

type ListOrTensorFunction = (...inputs: tf.Tensor[]) => Result;

function isBytes(input: Input): input is Bytes {
  return input.dtype === 'uint8';
}

function isResident(input: Input): input is Bytes {
  return isBytes(input) && input.resident === true;
}

/** Whether two arrays are the same part of the same buffer. */
function isSamePart(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a?.buffer === b.buffer && a.byteOffset === b.byteOffset && a.byteLength === b.byteLength;
}

function tensorOf(input: Input): tf.Tensor {
  return isBytes(input) ? tf.tensor(new Float32Array(input.values), [...input.shape]) : input;
}

/** The function for one combination of input shapes and dtypes, loaded into a session. */
class ConcreteFunction {
  readonly #backend: NativeBackend = nativeBackend();
  readonly #recording: Recording;
  readonly #program: Program;
  readonly #graph: FunctionGraph;
  readonly #session: Session;
  /** Whether the function returns a tensor instead of a list. */
  readonly #returnsTensor: boolean;
  /** The `dataId` that each variable had when it was last copied to the session. An assignment changes it. */
  readonly #copiedData = new Map<tf.Variable, object>();
  /** The resident bytes that were last copied to the session, by name of their variable. */
  readonly #residentBytes = new Map<string, Uint8Array>();

  constructor(fn: ListOrTensorFunction, inputs: readonly Input[], jit: boolean) {
    let returnsTensor = false;
    const listFn = (...tensors: tf.Tensor[]) => {
      const result = fn(...tensors);
      returnsTensor = result instanceof tf.Tensor;
      return returnsTensor ? [result as tf.Tensor] : (result as tf.Tensor[]);
    };
    // Recorded on the actual values: variables that the function creates then start as they would eagerly.
    const tensors = inputs.map(tensorOf);
    try {
      this.#recording = record(listFn, tensors);
    } finally {
      tf.dispose(tensors.filter((_, index) => isBytes(inputs[index]!)));
    }
    this.#returnsTensor = returnsTensor;
    this.#program = simplify(this.#recording.program);
    const graph = new GraphBuilder();
    this.#graph = buildGraph(graph, this.#program, inputs, jit);
    this.#session = new Session(graph.nodes);
  }

  isStale(): boolean {
    return this.#recording.isStale();
  }

  run(inputs: readonly Input[]): Result {
    this.#copyVariables();
    this.#copyResidentBytes(inputs.filter(isResident));
    const feeds = Object.fromEntries(
      inputs
        .filter((input) => !isResident(input))
        .map((input, index) => [
          this.#graph.inputNames[index]!,
          isBytes(input) ? input : tensorId(this.#backend, input),
        ]),
    );
    const results = this.#session
      .run(feeds, this.#graph.fetches)
      .map((metadata) => this.#backend.createOutputTensor(metadata));
    const assigned = results.splice(this.#program.outputs.length);
    assigned.forEach((value, index) => {
      const { variable } = this.#program.assignments[index]!;
      this.#recording.variables[variable]!.assign(value);
      value.dispose();
    });
    for (const [optimizer, count] of this.#recording.optimizerSteps) countIterations(optimizer, count);
    return this.#returnsTensor ? results[0]! : results;
  }

  dispose(): void {
    this.#session.dispose();
  }

  /** Copies the variables that have been assigned since the last call to the session. */
  #copyVariables(): void {
    const changed = this.#recording.variables.filter(
      (variable) => this.#copiedData.get(variable) !== variable.dataId,
    );
    const ids = changed.map((variable) => [variable.name, tensorId(this.#backend, variable)] as const);
    this.#graph.variables.write(this.#session, new Map(ids));
    for (const variable of changed) this.#copiedData.set(variable, variable.dataId);
  }

  /** Copies the bytes that differ from those of the last call to the session. */
  #copyResidentBytes(inputs: readonly Bytes[]): void {
    const { residents } = this.#graph;
    residents.names().forEach((name, index) => {
      const { values } = inputs[index]!;
      if (isSamePart(this.#residentBytes.get(name), values)) return;
      residents.write(this.#session, new Map([[name, values]]));
      this.#residentBytes.set(name, values);
    });
  }
}

interface FunctionGraph {
  readonly variables: SessionVariables;
  /** A variable for each resident input. */
  readonly residents: SessionVariables;
  /** A placeholder for each other input. */
  readonly inputNames: readonly string[];
  /** The program's outputs, then the values that it assigns. */
  readonly fetches: readonly string[];
}

/** @param inputs what is fed, which differs from `program.inputs` for bytes */
function buildGraph(
  graph: GraphBuilder,
  program: Program,
  inputs: readonly Input[],
  jit: boolean,
): FunctionGraph {
  const variables = new SessionVariables(graph, 'variable');
  const handles = program.variables.map((spec) => variables.add(spec));
  const residents = new SessionVariables(graph, 'resident');
  const inputNames: string[] = [];
  /** For each input, adds the node that reads it. */
  const readers = inputs.map((input, index) => {
    const { dtype, shape } = input;
    const name = `input${index}`;
    if (isResident(input)) {
      const handle = residents.add({ name, dtype, shape });
      return () => graph.add('ReadVariableOp', [handle], { dtype: { type: dtype } });
    }
    const placeholder = graph.placeholder(name, { dtype, shape });
    inputNames.push(placeholder);
    return () => placeholder;
  });
  const isCast = (index: number) => isBytes(inputs[index]!);
  const emitted = graph.cluster(jit ? 'function' : undefined, () =>
    emitProgram(program, {
      graph,
      controlInputs: [],
      input: (index) => {
        const name = readers[index]!();
        return isCast(index) ? graph.add('Cast', [name], castBytes) : name;
      },
      variable: (index) =>
        graph.add('ReadVariableOp', [handles[index]!], {
          dtype: { type: program.variables[index]!.dtype },
        }),
      constant: (spec, values) => graph.constant(spec, values),
    }),
  );
  const results = [...program.outputs, ...program.assignments.map(({ value }) => value)];
  const names = [...emitted.outputs, ...emitted.assignments.map(({ value }) => value)];
  const fetches = names.map((name, index) => {
    const { node, output } = results[index]!;
    const source = program.nodes[node]!;
    const { dtype } = source.outputs[output]!;
    // An input that is returned as it came is outside the cluster.
    const isInCluster = jit && (source.kind !== 'input' || isCast(source.index));
    const result = isInCluster ? graph.add('XlaClusterOutput', [name], { T: { type: dtype } }) : name;
    return graph.identity(result, dtype, `result${index}`);
  });
  return { variables, residents, inputNames, fetches };
}

const castBytes = {
  SrcT: { type: 'uint8' },
  DstT: { type: 'float32' },
  Truncate: { bool: false },
} as const;
