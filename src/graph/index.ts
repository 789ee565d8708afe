export {
  type Bytes,
  type CompiledFunction,
  type CompileOptions,
  compileFunction,
} from './compile-function.ts';
export type { ConstantValues, DataType } from './data-types.ts';
export type * from './program.ts';
export { countOps } from './program.ts';
export { programTable } from './program-table.ts';
export { type InputSpec, isRecording, type Recording, record, type TensorFunction } from './record.ts';
export { RecordingError } from './recording-error.ts';
export { simplify } from './simplify.ts';
