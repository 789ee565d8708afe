/** The entry point `tfjs-lora/safetensors`: reading and writing safetensors files. Needs no TensorFlow. */
export {
  type DataType,
  float32Values,
  int32Values,
  parseSafetensors,
  readSafetensors,
  type SafeTensor,
  type Safetensors,
  safeTensor,
  serializeSafetensors,
  writeSafetensors,
} from '../safetensors/index.ts';
