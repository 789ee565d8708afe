import * as tf from '@tensorflow/tfjs';
import {
  DamagedCacheError,
  type DataType,
  GraphBuilder,
  type HostTensor,
  type NativeBackend,
  nativeBackend,
  Session,
  SessionVariables,
  tensorId,
} from '../tensorflow/index.ts';
import { emitProgram } from './emit.ts';
import type { Program } from './program.ts';
import { type InputSpec, isRecording, type Recording, record } from './record.ts';
import { simplify } from './simplify.ts';

type Result = tf.Tensor | tf.Tensor[];

/** An input that goes to the device as bytes and is cast there: the function sees float32 values, 0..255. */
export interface Bytes extends HostTensor {
  readonly dtype: 'uint8';
  readonly values: Uint8Array;
}

type Input = tf.Tensor | Bytes;

export interface CompileOptions {
  /** Compile with XLA: slower to start, faster to run for dense layers. */
  readonly jit?: boolean;
  /** Input shapes to keep programs for; the one not used for longest goes first. Default 8. */
  readonly maxShapes?: number;
}

export interface CompiledFunction<R extends Result> {
  (...inputs: Input[]): R;
  /** Frees the programs; the next call would record anew. */
  dispose(): void;
}

/**
 * Gives a function that does what `fn` does as one TensorFlow graph, as tf.function does in Python. It records
 * `fn` for each combination of input shapes and types, again when a variable or tensor that it used was disposed.
 * Variables are read as they are at each call, and assignments to them take place. The caller disposes the
 * results, as with `fn`. Gradients do not flow through it.
 *
 * @param fn synchronous; takes tensors and gives one or several
 * @throws RecordingError when `fn` cannot be recorded
 */
export function compileFunction<R extends Result>(
  fn: (...inputs: tf.Tensor[]) => R,
  { jit = false, maxShapes = 8 }: CompileOptions = {},
): CompiledFunction<R> {
  const programs = new Map<string, FunctionProgram>();
  const call = (...inputs: Input[]): R => {
    if (isRecording()) return fn(...inputs.map(tensorOf));
    const key = inputs.map(({ dtype, shape }) => `${dtype}[${shape}]`).join(' ');
    let program = programs.get(key);
    programs.delete(key);
    if (program?.isStale()) {
      program.dispose();
      program = undefined;
    }
    program ??= new FunctionProgram(fn, inputs, jit);
    programs.set(key, program);
    for (const [oldest, old] of programs) {
      if (programs.size <= maxShapes) break;
      programs.delete(oldest);
      old.dispose();
    }
    try {
      return program.run(inputs) as R;
    } catch (error) {
      if (!(error instanceof DamagedCacheError)) throw error;
      program.dispose();
      program = new FunctionProgram(fn, inputs, jit);
      programs.set(key, program);
      return program.run(inputs) as R;
    }
  };
  const dispose = () => {
    for (const program of programs.values()) program.dispose();
    programs.clear();
  };
  return Object.assign(call, { dispose });
}

const fromBytes = {
  SrcT: { type: 'uint8' },
  DstT: { type: 'float32' },
  Truncate: { bool: false },
} as const;

function isBytes(input: Input): input is Bytes {
  return input.dtype === 'uint8';
}

function tensorOf(input: Input): tf.Tensor {
  return isBytes(input) ? tf.tensor(new Float32Array(input.values), [...input.shape]) : input;
}

/** `fn` for one combination of input shapes. */
class FunctionProgram {
  readonly #backend: NativeBackend = nativeBackend();
  readonly #recording: Recording;
  readonly #program: Program;
  readonly #session: Session;
  readonly #variables: SessionVariables;
  readonly #inputNames: readonly string[];
  readonly #fetches: readonly string[];
  readonly #single: boolean;
  /** What each variable held when it was last copied to the session. */
  readonly #copied = new Map<tf.Variable, object>();

  constructor(fn: (...inputs: tf.Tensor[]) => Result, inputs: readonly Input[], jit: boolean) {
    let single = false;
    this.#recording = record(
      (...tensors) => {
        const result = fn(...tensors);
        single = result instanceof tf.Tensor;
        return single ? [result as tf.Tensor] : (result as tf.Tensor[]);
      },
      inputs.map((input): InputSpec => {
        const { shape, dtype } = input;
        return { shape, dtype: isBytes(input) ? 'float32' : (dtype as InputSpec['dtype']) };
      }),
    );
    this.#single = single;
    this.#program = simplify(this.#recording.program);
    const graph = new GraphBuilder();
    this.#variables = new SessionVariables(graph, 'variable');
    const program = this.#program;
    const handles = program.variables.map((spec) => this.#variables.add(spec));
    this.#inputNames = inputs.map(({ dtype, shape }, index) =>
      graph.placeholder(`input${index}`, { dtype: dtype as DataType, shape }),
    );
    const emitted = graph.cluster(jit ? 'function' : undefined, () =>
      emitProgram(program, {
        graph,
        controlInputs: [],
        input: (index) => {
          const name = this.#inputNames[index]!;
          return isBytes(inputs[index]!) ? graph.add('Cast', [name], fromBytes) : name;
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
    this.#fetches = names.map((name, index) => {
      const { node, output } = results[index]!;
      const source = program.nodes[node]!;
      const { dtype } = source.outputs[output]!;
      const inside = source.kind !== 'input' || isBytes(inputs[source.index]!);
      const out = jit && inside ? graph.add('XlaClusterOutput', [name], { T: { type: dtype } }) : name;
      return graph.identity(out, dtype, `result${index}`);
    });
    this.#session = new Session(graph.nodes);
  }

  isStale(): boolean {
    return this.#recording.isStale() || this.#recording.variables.some(({ isDisposed }) => isDisposed);
  }

  run(inputs: readonly Input[]): Result {
    this.#copyVariables();
    const feeds = Object.fromEntries(
      inputs.map((input, index) => [
        this.#inputNames[index]!,
        isBytes(input) ? input : tensorId(this.#backend, input),
      ]),
    );
    const results = this.#session
      .run(feeds, this.#fetches)
      .map((one) => this.#backend.createOutputTensor(one));
    const { variables } = this.#recording;
    const assigned = results.splice(this.#program.outputs.length);
    assigned.forEach((value, index) => {
      variables[this.#program.assignments[index]!.variable]!.assign(value);
      value.dispose();
    });
    return this.#single ? results[0]! : results;
  }

  dispose(): void {
    this.#session.dispose();
  }

  #copyVariables(): void {
    const changed = this.#recording.variables.filter((one) => this.#copied.get(one) !== one.dataId);
    this.#variables.write(
      this.#session,
      new Map(changed.map((variable) => [variable.name, tensorId(this.#backend, variable)])),
    );
    for (const variable of changed) this.#copied.set(variable, variable.dataId);
  }
}
