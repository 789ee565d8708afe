import * as tf from '@tensorflow/tfjs';
import { dataTypeCodes, hasNativeBackend, nativeBackend } from '../tensorflow/index.ts';

/** Bytes as a float32 tensor, 0..255. Native TensorFlow is given the bytes and casts them on its device. */
export function imageTensor(bytes: Uint8Array, shape: number[]): tf.Tensor {
  if (!hasNativeBackend()) return tf.tensor(new Float32Array(bytes), shape);
  const backend = nativeBackend();
  const { binding } = backend;
  const id = binding.createTensor(shape, dataTypeCodes.uint8, bytes);
  try {
    const attributes = [
      { name: 'SrcT', type: binding.TF_ATTR_TYPE, value: dataTypeCodes.uint8 },
      { name: 'DstT', type: binding.TF_ATTR_TYPE, value: dataTypeCodes.float32 },
      { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false },
    ];
    const [cast] = binding.executeOp('Cast', attributes, [id], 1);
    return backend.createOutputTensor(cast!);
  } finally {
    binding.deleteTensor(id);
  }
}
