export {
  type Attribute,
  type Attributes,
  type NodeAttribute,
  parseRawAttributes,
} from './attributes.ts';
export {
  type Binding,
  hasNativeBackend,
  type NativeBackend,
  nativeBackend,
  type RawAttribute,
  type TensorMetadata,
  tensorId,
} from './backend.ts';
export {
  type DataType,
  dataTypeOf,
  type HostTensor,
  int64Words,
  type TensorSpec,
  type TensorValues,
  type VariableSpec,
} from './dtypes.ts';
export { controlInput, GraphBuilder, outputName } from './graph-builder.ts';
export { runOp, runOpOutputs } from './run-op.ts';
export { DamagedCacheError, Session } from './session.ts';
export { SessionVariables } from './session-variables.ts';
export { startXlaOnSharedThreads } from './xla-threads.ts';
