import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs';

export type DeviceName = 'auto' | 'cpu' | 'cuda' | 'wasm' | 'js';

/** Loads the TensorFlow for `device` and makes it tfjs' backend. */
export async function loadTensorFlow(options: { device?: DeviceName } = {}): Promise<typeof tf> {
  const device = options.device ?? 'auto';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (device === 'cpu' || device === 'auto') createRequire(import.meta.url)('@tensorflow/tfjs-node');
  await tf.ready();
  return tf;
}
