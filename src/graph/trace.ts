/** Step 1 of 4, record: runs a function once with a tape attached, and undoes what the run changed. */
import * as tf from '@tensorflow/tfjs';
import { type NativeBackend, nativeBackend, runOp, type TensorSpec, tensorId } from '../tensorflow/index.ts';
import { describeValue } from './arguments.ts';
import type { Dependencies } from './dependencies.ts';
import { attachTape, rejectDisposal, trackGradients, trackLayers, trackOptimizers } from './hooks.ts';
import type { Program } from './program.ts';
import { RecordingError } from './recording-error.ts';
import { Tape } from './tape.ts';
import { type VariableWatch, watchVariables } from './variable-watch.ts';

/** What a recorded function takes: shape and dtype of a tensor, or the tensor itself. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
}

/** The ops of one run of a function. */
export interface Trace {
  readonly program: Program;
  readonly dependencies: Dependencies;
  /** How many steps each optimizer of tfjs made in the run. */
  readonly optimizerSteps: ReadonlyMap<tf.Optimizer, number>;
  /** Name of a variable that the function created; undefined if it created none. */
  readonly createdVariable: string | undefined;
}

/**
 * Runs a function once and records it. Then variables, optimizers and the scopes of tfjs are as before, also if the
 * function throws. Variables that it created stay, with their first values.
 *
 * Tensors of the run are disposed, except constants, which the function may have kept for its next run: they belong to the
 * caller's scope.
 */
export function trace(
  fn: (...inputs: tf.Tensor[]) => readonly tf.Tensor[],
  inputs: readonly (InputSpec | tf.Tensor)[],
): Trace {
  const backend = nativeBackend();
  const engine = tf.engine();
  const scopes = engine.state.scopeStack.length;
  engine.startScope('record');
  const layers = trackLayers();
  const stopRejecting = rejectDisposal(layers.current);
  const placeholders = inputs.map(placeholder);
  const shared = sharedVariables(backend);
  const variables = watchVariables();
  shared.forEach(separate);
  const optimizers = trackOptimizers();
  const gradients = trackGradients();
  const tape = new Tape(backend, layers.current);
  const detachTape = attachTape(backend, tape);
  let constants: tf.Tensor[] = [];
  try {
    const { program, used } = runWithTape(fn, placeholders, { backend, tape, variables });
    constants = liveConstants(backend, tape);
    return {
      program,
      dependencies: {
        captured: [...tape.captured],
        variables: used,
        layers: [...layers.applied],
        optimizers: [...optimizers.steps.keys()],
        usesGradients: gradients.used,
      },
      optimizerSteps: optimizers.steps,
      createdVariable: variables.created.find(({ isDisposed }) => !isDisposed)?.name,
    };
  } finally {
    detachTape();
    gradients.stop();
    optimizers.stop();
    layers.stop();
    stopRejecting();
    variables.undo();
    // The function may have thrown between starting a scope and ending it.
    while (engine.state.scopeStack.length > scopes + 1) engine.endScope();
    engine.endScope(constants);
  }
}

interface RunContext {
  readonly backend: NativeBackend;
  readonly tape: Tape;
  readonly variables: VariableWatch;
}

function runWithTape(
  fn: (...inputs: tf.Tensor[]) => readonly tf.Tensor[],
  placeholders: readonly tf.Tensor[],
  { backend, tape, variables }: RunContext,
): { program: Program; used: tf.Variable[] } {
  const refOf = (tensor: tf.Tensor) => tape.ref(tensorId(backend, tensor));
  const used: tf.Variable[] = [];
  const ids = new Map(variables.existing.map((variable) => [variable, tensorId(backend, variable)]));
  for (const [variable, id] of ids) {
    tape.declare(id, () => {
      const index = used.push(variable) - 1;
      return { kind: 'variable', index, outputs: [specOf(variable)] };
    });
  }
  placeholders.forEach((tensor, index) => {
    const outputs = [specOf(tensor)];
    tape.declare(tensorId(backend, tensor), () => ({ kind: 'input', index, outputs }));
  });
  const specs = placeholders.map(specOf); // before the function, which may dispose its inputs

  const results = fn(...placeholders);
  requireTensors(results);
  tape.finish();
  rejectValueReads(tape);

  const outputs = results.map(refOf);
  const assigned = [...ids].filter(
    ([variable, id]) => !variable.isDisposed && tensorId(backend, variable) !== id,
  );
  const assignments = assigned.map(([variable, id]) => {
    tape.ref(id); // adds the variable to `used` if the function only assigns it
    return { variable: used.indexOf(variable), value: refOf(variable) };
  });
  const program: Program = {
    nodes: tape.nodes,
    inputs: specs,
    variables: used.map((variable) => ({ name: variable.name, ...specOf(variable) })),
    outputs,
    assignments,
  };
  return { program, used };
}

/** The variables that share a tensor with other variables or tensors. */
function sharedVariables(backend: NativeBackend): tf.Variable[] {
  const variables = Object.values(tf.engine().state.registeredVariables);
  return variables.filter(({ dataId }) => backend.refCount(dataId) > 1);
}

/** Gives a variable a tensor of its own, until its value is restored: the id of a tensor then belongs to one variable. */
function separate(variable: tf.Variable): void {
  const copy = runOp('Identity', { T: { type: variable.dtype } }, [variable]);
  variable.assign(copy);
  copy.dispose();
}

/** Zeros, or a copy of the tensor: its id is then not that of a variable or of another input. */
function placeholder(input: InputSpec | tf.Tensor): tf.Tensor {
  if (input instanceof tf.Tensor) return runOp('Identity', { T: { type: input.dtype } }, [input]);
  return tf.zeros([...input.shape], input.dtype);
}

/** The tensors of the current scope that depend on no input or variable. */
function liveConstants(backend: NativeBackend, tape: Tape): tf.Tensor[] {
  return tf
    .engine()
    .state.activeScope.track.filter(
      (tensor) =>
        !tensor.isDisposed &&
        !(tensor instanceof tf.Variable) &&
        tensor.dtype !== 'string' &&
        tape.isConstant(tensorId(backend, tensor)),
    );
}

function requireTensors(results: unknown): asserts results is readonly tf.Tensor[] {
  if (Array.isArray(results) && results.every((result) => result instanceof tf.Tensor)) return;
  const found = Array.isArray(results) ? results.find((result) => !(result instanceof tf.Tensor)) : results;
  const place = Array.isArray(results) ? 'a list with ' : '';
  throw new RecordingError(
    `the function: returns ${place}${describeValue(found)}; it must return a tensor or a list of tensors`,
  );
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
