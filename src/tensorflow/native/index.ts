export {
  type Binding,
  hasNativeBackend,
  type NativeBackend,
  nativeBackend,
  type OpAttribute,
  type TensorMetadata,
  tensorId,
} from './backend.ts';
export { type ConstantValues, type DataType, dataTypeCodes, dataTypeOf } from './data-types.ts';
export { after, GraphBuilder, type NodeAttribute, output } from './graph-builder.ts';
export { DamagedCacheError, type Feed, Session } from './session.ts';
export { int64Words, SessionVariables } from './session-variables.ts';
