import * as tf from '@tensorflow/tfjs';
import { nativeBackend } from '../../src/tensorflow/index.ts';

/** How many tensors tfjs holds, and how many tensors and loaded graphs TensorFlow's addon holds. */
export function memoryCounts() {
  const { binding } = nativeBackend();
  return {
    tensors: tf.memory().numTensors,
    nativeTensors: binding.getNumOfTensors(),
    sessions: binding.getNumOfSavedModels(),
  };
}
