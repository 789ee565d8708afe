import * as tf from '@tensorflow/tfjs';
import { float32Values, readSafetensors } from '../../src/safetensors/index.ts';

/** What PEFT computed (scripts/fixtures/lora.py), in PyTorch's layout. */
export async function peftTensors(): Promise<ReadonlyMap<string, tf.Tensor>> {
  const path = new URL('../fixtures/lora/peft.safetensors', import.meta.url).pathname;
  const file = await readSafetensors(path);
  return new Map(
    [...file.tensors].map(([name, tensor]) => [
      name,
      tf.tensor(float32Values(name, tensor).slice(), [...tensor.shape]),
    ]),
  );
}

/** Assigns a tensor to a layer's weight. */
export function put(weight: tf.LayerVariable, value: tf.Tensor): void {
  (weight.read() as tf.Variable).assign(value);
}
