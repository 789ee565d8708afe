import * as tf from '@tensorflow/tfjs';
import { type NativeBackend, nativeBackend, runOp, type TensorSpec, tensorId } from '../tensorflow/index.ts';
import { compareTraces } from './compare-traces.ts';
import { trackLayers } from './layer-names.ts';
import type { Program } from './program.ts';
import { RecordingError } from './recording-error.ts';
import { Tape } from './tape.ts';

/** A tensor that the recorded function takes. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
}

export interface Recording {
  readonly program: Program;
  /** The variables of `program.variables`, in the same order. */
  readonly variables: readonly tf.Variable[];
  /** Whether a tensor whose values went into the program has been disposed since, so probably replaced. */
  isStale(): boolean;
}

export type TensorFunction = (...inputs: tf.Tensor[]) => readonly tf.Tensor[];

let active = false;

/** Whether a function is being recorded right now. */
export function isRecording(): boolean {
  return active;
}

/**
 * Runs a function of tensors and variables and gives its program. It runs twice, on zeros, and the two
 * programs are compared: what differs was drawn or counted in JavaScript and would freeze. What the
 * function assigns to variables becomes part of the program and is undone.
 *
 * @throws RecordingError when the function cannot be recorded faithfully; it names the layer or the op
 */
export function record(fn: TensorFunction, inputs: readonly InputSpec[]): Recording {
  if (active) throw new Error('recordings do not nest');
  let first = recordOnce(fn, inputs);
  let second = recordOnce(fn, inputs);
  if (first.creates !== undefined) {
    // Layers build their weights on first use; from the second run on they exist.
    first = second;
    second = recordOnce(fn, inputs);
  }
  if (first.creates !== undefined) {
    throw new RecordingError(
      `the step makes a variable '${first.creates}' each time it runs; make it once, outside the step`,
    );
  }
  const difference = compareTraces(first.program, second.program);
  if (difference) throw new RecordingError(difference);
  return second;
}

interface OneRecording extends Recording {
  /** A variable that the function made. */
  readonly creates?: string;
}

function recordOnce(fn: TensorFunction, inputs: readonly InputSpec[]): OneRecording {
  const backend = nativeBackend();
  const known = Object.values(registeredVariables());
  const snapshots = known.map((variable) => snapshot(backend, variable));
  const layers = trackLayers();
  const tape = new Tape(backend, layers.current);
  const variables: tf.Variable[] = [];
  for (const { variable, id } of snapshots) {
    tape.declare(id, () => {
      const index = variables.push(variable) - 1;
      return { kind: 'variable', index, outputs: [specOf(variable)] };
    });
  }
  const restoreBackend = intercept(backend, tape);
  tf.engine().startScope('record');
  active = true;
  try {
    const placeholders = inputs.map(({ shape, dtype }) => tf.zeros([...shape], dtype));
    placeholders.forEach((tensor, index) => {
      const spec = specOf(tensor);
      tape.declare(tensorId(backend, tensor), () => ({ kind: 'input', index, outputs: [spec] }));
    });
    const results = fn(...placeholders);
    if (!Array.isArray(results)) {
      throw new RecordingError('the recorded function must return its tensors at once, not a promise');
    }
    tape.finish();
    refuseReads(tape);
    const refOf = (tensor: tf.Tensor) => tape.ref(tensorId(backend, tensor));
    const outputs = results.map(refOf);
    const assigned = snapshots.filter(({ variable, id }) => tensorId(backend, variable) !== id);
    const assignments = assigned.map(({ variable, id }) => {
      tape.ref(id); // a variable that is assigned and never read takes its place in the list here
      return { variable: variables.indexOf(variable), value: refOf(variable) };
    });
    const created = Object.values(registeredVariables()).find((variable) => !known.includes(variable));
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
      ...(created && { creates: created.name }),
    };
  } finally {
    active = false;
    restoreBackend();
    layers.stop();
    for (const { variable, id, copy } of snapshots) {
      if (!variable.isDisposed && tensorId(backend, variable) !== id) variable.assign(copy);
      copy.dispose();
    }
    tf.engine().endScope();
  }
}

/** Puts the tape between tfjs-node and its addon. */
function intercept(backend: NativeBackend, tape: Tape): () => void {
  const { binding } = backend;
  const getInputTensorIds = backend.getInputTensorIds;
  backend.binding = tape.binding;
  backend.getInputTensorIds = (tensors) => {
    const ids = getInputTensorIds.call(backend, tensors);
    tape.noteInputs(tensors, ids);
    return ids;
  };
  return () => {
    backend.binding = binding;
    backend.getInputTensorIds = getInputTensorIds;
  };
}

/** Remembers a variable's tensor, and makes it the only one to hold that tensor, so that its number names it. */
function snapshot(backend: NativeBackend, variable: tf.Variable) {
  if (backend.refCount(variable.dataId) > 1) {
    const copy = runOp('Identity', { T: { type: variable.dtype } }, [variable]);
    variable.assign(copy);
    copy.dispose();
  }
  return { variable, id: tensorId(backend, variable), copy: variable.clone() };
}

function refuseReads(tape: Tape): void {
  const layer = tape.valueReads[0];
  if (layer === undefined) return;
  const place = layer === '' ? 'the step' : `layer '${layer}'`;
  throw new RecordingError(
    `${place} reads a tensor's values back into JavaScript (dataSync, arraySync or the like), which a recorded step cannot do; use tensor ops instead, or --engine eager`,
  );
}

function specOf(tensor: tf.Tensor): TensorSpec {
  return { dtype: tensor.dtype, shape: [...tensor.shape] };
}

function registeredVariables(): Record<string, tf.Variable> {
  return tf.engine().state.registeredVariables;
}
