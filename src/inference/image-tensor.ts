import * as tf from '@tensorflow/tfjs';
import { hasNativeBackend, runOp } from '../tensorflow/index.ts';

/** Bytes as a float32 tensor, 0..255. Native TensorFlow is given the bytes and casts them on its device. */
export function imageTensor(bytes: Uint8Array, shape: number[]): tf.Tensor {
  if (!hasNativeBackend()) return tf.tensor(new Float32Array(bytes), shape);
  return runOp('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'float32' }, Truncate: { bool: false } }, [
    { dtype: 'uint8', shape, values: bytes },
  ]);
}
