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
export { emitProgram, group } from './emit.ts';
export { type Iteration, whileLoop } from './loop.ts';
export type {
  ConstantNode,
  InputNode,
  OpNode,
  Program,
  ProgramNode,
} from './program.ts';
export { countOps, liveNodes } from './program.ts';
export { type ProgramRow, programTable } from './program-table.ts';
export { type InputSpec, isRecording, type Recording, record, type TensorFunction } from './record.ts';
export { RecordingError } from './recording-error.ts';
export { simplify } from './simplify.ts';
export { supportsExplicitPrecision } from './xla/matmul.ts';
export type { XlaTarget } from './xla/ops.ts';
