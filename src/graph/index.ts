/**
 * Runs functions of tensors as TensorFlow graphs, like `tf.function` in Python. It needs native TensorFlow,
 * and nothing of LoRA.
 *
 *   function --record--> Program --simplify--> Program --emitProgram--> graph nodes --Session--> results
 *               1                     2                       3                          4
 *
 * 1. record.ts runs the function, and undoes what the run changed (trace.ts). A tape (tape.ts) between tfjs-node and its
 *    addon notes each op. A second run has to give the same program (compare-traces.ts).
 * 2. simplify.ts removes the ops that tfjs adds around the mathematics.
 * 3. emit.ts writes the program into a graph (GraphBuilder), loop.ts a loop around it. Where XLA compiles the
 *    graph, xla/ replaces some ops by faster ones.
 * 4. A Session of src/tensorflow/native loads the graph as a SavedModel, TensorFlow's file format, and runs
 *    it. Its variables stay on the device.
 *
 * `compileFunction` does all four for a function; the engines of src/training do them for a training step in
 * a loop.
 */
export type {
  Attribute,
  DataType,
  HostTensor,
  TensorSpec,
  TensorValues,
  VariableSpec,
} from '../tensorflow/index.ts';
export {
  type Bytes,
  type CompiledFunction,
  type CompileOptions,
  compileFunction,
} from './compile-function.ts';
export { watchDependencies } from './dependencies.ts';
export { emitProgram, group } from './emit.ts';
export { type Iteration, whileLoop } from './loop.ts';
export { countOperations } from './operations.ts';
export {
  type ConstantNode,
  countOps,
  type InputNode,
  liveNodes,
  type OpNode,
  type Program,
  type ProgramNode,
  type ValueRef,
  type VariableNode,
} from './program.ts';
export { type ProgramRow, programTable } from './program-table.ts';
export {
  isRecording,
  type Recording,
  record,
  recordWithDependencies,
  type TensorFunction,
} from './record.ts';
export { RecordingError } from './recording-error.ts';
export { simplify } from './simplify.ts';
export type { InputSpec } from './trace.ts';
export { watchVariables } from './variable-watch.ts';
export { supportsExplicitPrecision } from './xla/matmul.ts';
export type { XlaTarget } from './xla/ops.ts';
