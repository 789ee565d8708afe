/** Step 1 of 4, record: runs a function on zeros, and returns the ops that it ran, as a program. */
import * as tf from '@tensorflow/tfjs';
import { type NativeBackend, nativeBackend, runOp, type TensorSpec, tensorId } from '../tensorflow/index.ts';
import { compareTraces } from './compare-traces.ts';
import { attachTape, trackLayers } from './hooks.ts';
import type { Program } from './program.ts';
import { RecordingError } from './recording-error.ts';
import { Tape } from './tape.ts';

/** A tensor that the recorded function takes. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
}

/** The result of `record`. */
export interface Recording {
  readonly program: Program;
  /** The variables of `program.variables`, in the same order. */
  readonly variables: readonly tf.Variable[];
  /**
   * Returns whether a captured tensor has been disposed: one made outside the function, whose values are now a
   * constant of the program. It has probably been replaced by another one, so record again.
   */
  isStale(): boolean;
}

export type TensorFunction = (...inputs: tf.Tensor[]) => readonly tf.Tensor[];

let recording = false;

/** Returns whether a function is being recorded. */
export function isRecording(): boolean {
  return recording;
}

/**
 * Records a function of tensors and variables as a program.
 *
 * The function runs two or three times on zeros, and the recordings (traces) are compared. If a value differs,
 * it was computed in JavaScript, such as a random number. A program would repeat the recorded value in every
 * run, so such a function is rejected. Assignments to variables become part of the program; those made while
 * recording are undone. Gradients and layers can be recorded. Nothing needs to be disposed.
 *
 * @param fn synchronous; its control flow must not depend on the values of tensors
 * @param inputs shape and dtype of each tensor that `fn` takes
 * @throws RecordingError if `fn` cannot be recorded; variables that existed before keep their values
 * @throws TensorFlowError if tfjs does not run on native TensorFlow
 * @example
 * const { program } = record((x) => [tf.relu(x)], [{ shape: [2, 3], dtype: 'float32' }]);
 * countOps(program); // Map { 'Relu' => 1 }
 */
export function record(fn: TensorFunction, inputs: readonly InputSpec[]): Recording {
  if (recording) throw new Error('record() cannot be called by a function that is being recorded');
  let first = trace(fn, inputs);
  let second = trace(fn, inputs);
  if (first.createdVariable !== undefined) {
    // Layers create their weights when they are first applied, so compare the traces after that.
    first = second;
    second = trace(fn, inputs);
  }
  if (first.createdVariable !== undefined) {
    throw new RecordingError(
      `the function: creates a variable on every run ('${first.createdVariable}'); create it once, outside the function`,
    );
  }
  const difference = compareTraces(first.program, second.program);
  if (difference) throw new RecordingError(difference);
  return second;
}

interface Trace extends Recording {
  /** Name of a variable that the function created; undefined if it created none. */
  readonly createdVariable: string | undefined;
}

/** Runs the function once with a tape attached, and undoes its assignments to variables. */
function trace(fn: TensorFunction, inputs: readonly InputSpec[]): Trace {
  const backend = nativeBackend();
  const snapshots = registeredVariables().map((variable) => takeSnapshot(backend, variable));
  const layers = trackLayers();
  const tape = new Tape(backend, layers.current);
  const detachTape = attachTape(backend, tape);
  tf.engine().startScope('record');
  recording = true;
  try {
    return traceWithTape(fn, inputs, { backend, tape, snapshots });
  } finally {
    recording = false;
    detachTape();
    layers.stop();
    for (const { variable, id, copy } of snapshots) {
      if (!variable.isDisposed && tensorId(backend, variable) !== id) variable.assign(copy);
      copy.dispose();
    }
    tf.engine().endScope();
  }
}

interface TraceContext {
  readonly backend: NativeBackend;
  readonly tape: Tape;
  /** All variables that exist before the function runs. */
  readonly snapshots: readonly Snapshot[];
}

function traceWithTape(
  fn: TensorFunction,
  inputs: readonly InputSpec[],
  { backend, tape, snapshots }: TraceContext,
): Trace {
  const refOf = (tensor: tf.Tensor) => tape.ref(tensorId(backend, tensor));
  const variables: tf.Variable[] = [];
  for (const { variable, id } of snapshots) {
    tape.declare(id, () => {
      const index = variables.push(variable) - 1;
      return { kind: 'variable', index, outputs: [specOf(variable)] };
    });
  }
  const placeholders = inputs.map(({ shape, dtype }) => tf.zeros([...shape], dtype));
  placeholders.forEach((tensor, index) => {
    const outputs = [specOf(tensor)];
    tape.declare(tensorId(backend, tensor), () => ({ kind: 'input', index, outputs }));
  });

  const results = fn(...placeholders);
  if (!Array.isArray(results)) {
    throw new RecordingError(
      'the function: does not return a list of tensors; if it returns a promise, make it synchronous',
    );
  }
  tape.finish();
  rejectValueReads(tape);

  const outputs = results.map(refOf);
  const assignments = snapshots
    .filter(({ variable, id }) => tensorId(backend, variable) !== id)
    .map(({ variable, id }) => {
      tape.ref(id); // adds the variable to `variables` if the function only assigns it
      return { variable: variables.indexOf(variable), value: refOf(variable) };
    });
  const known = new Set(snapshots.map(({ variable }) => variable));
  const captured = [...tape.captured];
  return {
    program: {
      nodes: tape.nodes,
      inputs: placeholders.map(specOf),
      variables: variables.map((variable) => ({ name: variable.name, ...specOf(variable) })),
      outputs,
      assignments,
    },
    variables,
    isStale: () => captured.some((dataId) => !backend.tensorMap.has(dataId)),
    createdVariable: registeredVariables().find((variable) => !known.has(variable))?.name,
  };
}

interface Snapshot {
  readonly variable: tf.Variable;
  /** Id of the variable's tensor. Assigning the variable changes it. */
  readonly id: number;
  /** Copy of the value, to undo assignments. */
  readonly copy: tf.Tensor;
}

/**
 * Saves the id and value of a variable's tensor. If variables share a tensor, it is copied first, so that each id
 * belongs to one variable.
 */
function takeSnapshot(backend: NativeBackend, variable: tf.Variable): Snapshot {
  if (backend.refCount(variable.dataId) > 1) {
    const copy = runOp('Identity', { T: { type: variable.dtype } }, [variable]);
    variable.assign(copy);
    copy.dispose();
  }
  return { variable, id: tensorId(backend, variable), copy: variable.clone() };
}

function rejectValueReads(tape: Tape): void {
  const [layer] = tape.valueReads;
  if (layer === undefined) return;
  const place = layer === '' ? 'the function' : `layer '${layer}'`;
  throw new RecordingError(
    `${place}: reads a tensor's values into JavaScript (dataSync, arraySync or similar), which a program cannot do; use tensor ops instead, or run it eagerly`,
  );
}

function specOf(tensor: tf.Tensor): TensorSpec {
  return { dtype: tensor.dtype, shape: [...tensor.shape] };
}

function registeredVariables(): tf.Variable[] {
  return Object.values(tf.engine().state.registeredVariables);
}
