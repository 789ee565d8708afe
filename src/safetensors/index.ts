export type { DataType } from './data-type.ts';
export { readSafetensors, writeSafetensors } from './files.ts';
export { parseSafetensors, type SafeTensor, type Safetensors, serializeSafetensors } from './safetensors.ts';
export { float32Values, int32Values, safeTensor } from './values.ts';
