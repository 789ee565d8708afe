/** Step 1 of 4, record: returns the ops that a function runs, as a program. */
import * as tf from '@tensorflow/tfjs';
import { nativeBackend } from '../tensorflow/index.ts';
import { requireFunction, requireInputs } from './arguments.ts';
import { compareTraces } from './compare-traces.ts';
import { type Dependencies, watchDependencies } from './dependencies.ts';
import type { Program } from './program.ts';
import { RecordingError } from './recording-error.ts';
import { type InputSpec, type Trace, trace } from './trace.ts';

/** The result of `record`. */
export interface Recording {
  readonly program: Program;
  /** The variables of `program.variables`, in the same order. */
  readonly variables: readonly tf.Variable[];
  /** How many steps each optimizer of tfjs makes in a run. It counts them in JavaScript, so the program cannot. */
  readonly optimizerSteps: ReadonlyMap<tf.Optimizer, number>;
  /**
   * Returns whether the function has to be recorded again, which takes a few microseconds to find out: whether a captured
   * tensor (made outside the function, and now a constant of the program) or a variable has been disposed, a layer has got
   * other weights, an optimizer of tfjs has got other settings, or the function computes gradients and other variables are
   * trainable.
   */
  isStale(): boolean;
  /**
   * Runs the function once more and returns whether it gives another program, or cannot be recorded any more. So it also
   * finds a JavaScript value or a captured tensor that has been replaced.
   */
  hasChanged(): boolean;
}

export type TensorFunction<I extends tf.Tensor[] = tf.Tensor[]> = (...inputs: I) => readonly tf.Tensor[];

let recording = false;

/** Returns whether a function is being recorded. */
export function isRecording(): boolean {
  return recording;
}

/**
 * Records a function of tensors and variables as a program.
 *
 * The function runs two or three times, and the recordings (traces) are compared. If a value differs, it was computed in
 * JavaScript, such as a random number. A program would repeat the recorded value in every run, so such a function is
 * rejected. Assignments to variables become part of the program; those made while recording are undone, also to variables
 * that the function creates, such as the moments of a tfjs optimizer. Gradients and layers can be recorded. Nothing needs to
 * be disposed.
 *
 * Other values of JavaScript are fixed when the function is recorded, as in Python's `tf.function`. What the function itself
 * does to JavaScript variables while recording is not undone.
 *
 * @param fn synchronous; its control flow must not depend on the values of tensors
 * @param inputs shape and dtype of each tensor that `fn` takes, to run it on zeros; or a tensor, to run it on its values
 * @throws RecordingError if `fn` cannot be recorded. Variables, optimizers and captured tensors are as before; variables that
 *   `fn` created keep their first values.
 * @throws UsageError if an argument is invalid
 * @throws TensorFlowError if tfjs does not run on native TensorFlow
 * @example
 * const { program } = record((x) => [tf.relu(x)], [{ shape: [2, 3], dtype: 'float32' }]);
 * countOps(program); // Map { 'Relu' => 1 }
 */
export function record<I extends tf.Tensor[]>(
  fn: TensorFunction<I>,
  inputs: readonly (InputSpec | tf.Tensor)[],
): Recording {
  return recordWithDependencies(fn, inputs).recording;
}

/** Like `record`. Also returns what `Recording.isStale` watches. */
export function recordWithDependencies<I extends tf.Tensor[]>(
  fn: TensorFunction<I>,
  inputs: readonly (InputSpec | tf.Tensor)[],
): { recording: Recording; dependencies: Dependencies } {
  requireFunction(fn);
  requireInputs(inputs);
  const listFn = fn as never as TensorFunction;
  const { program, dependencies, optimizerSteps } = whileRecording(() => traceTwice(listFn, inputs));
  const specs = inputs.map(({ shape, dtype }) => ({ shape: [...shape], dtype }) as InputSpec);
  const recording: Recording = {
    program,
    variables: dependencies.variables,
    optimizerSteps,
    isStale: watchDependencies(nativeBackend(), dependencies),
    hasChanged: () => {
      try {
        return compareTraces(program, whileRecording(() => trace(listFn, specs)).program) !== undefined;
      } catch {
        return true; // recording it again reports why
      }
    },
  };
  return { recording, dependencies };
}

/** Runs `fn` in a scope of tfjs. Of its tensors, those that a trace has captured stay: the recorded function keeps them. */
function whileRecording(fn: () => Trace): Trace {
  if (recording) throw new Error('record() cannot be called by a function that is being recorded');
  nativeBackend();
  const engine = tf.engine();
  recording = true;
  engine.startScope('recording');
  try {
    const result = fn();
    const captured = new Set(result.dependencies.captured);
    for (const tensor of engine.state.activeScope.track) if (captured.has(tensor.dataId)) tf.keep(tensor);
    return result;
  } finally {
    engine.endScope();
    recording = false;
  }
}

/** Traces a function until two traces agree. */
function traceTwice(fn: TensorFunction, inputs: readonly (InputSpec | tf.Tensor)[]): Trace {
  let first = trace(fn, inputs);
  let second = trace(fn, inputs);
  if (first.createdVariable !== undefined) {
    // Layers and optimizers create variables when they are first used, so compare the traces after that.
    first = second;
    second = trace(fn, inputs);
  }
  const created = first.createdVariable ?? second.createdVariable;
  if (created !== undefined) {
    throw new RecordingError(
      `the function: creates a variable on every run ('${created}'); create it once, outside the function`,
    );
  }
  const difference = compareTraces(first.program, second.program);
  if (difference) throw new RecordingError(difference);
  return second;
}
