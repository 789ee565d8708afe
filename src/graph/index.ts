export type { ConstantValues, DataType } from '../tensorflow/index.ts';
export {
  type Bytes,
  type CompiledFunction,
  type CompileOptions,
  compileFunction,
} from './compile-function.ts';
export { emitProgram, gate } from './emit.ts';
export { type Turn, whileLoop } from './loop.ts';
export type {
  Attribute,
  ConstantNode,
  InputNode,
  OpNode,
  Program,
  ProgramNode,
  TensorSpec,
  VariableSpec,
} from './program.ts';
export { countOps, liveNodes } from './program.ts';
export { type ProgramRow, programTable } from './program-table.ts';
export { type InputSpec, isRecording, type Recording, record, type TensorFunction } from './record.ts';
export { RecordingError } from './recording-error.ts';
export { simplify } from './simplify.ts';
export type { XlaTarget } from './xla/forms.ts';
export { canStatePrecision } from './xla/stated-product.ts';
