import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { createDigitsNet, mnistNormalization, normalize } from '../../src/models/index.ts';
import { readSafetensors } from '../../src/safetensors/index.ts';
import { assignStateDict } from '../../src/torch/index.ts';
import { mnist } from './mnist.ts';

export const PEFT_FOLDER = 'test/fixtures/peft';
export const PEFT_VARIANTS = [
  'plain',
  'rslora',
  'patterns',
  'two-layers',
  'dora',
  'bias-lora-only',
  'bias-all',
  'modules-to-save',
] as const;

/** The DigitsNet that the golden adapters of PEFT were trained on. */
export async function peftBase(): Promise<tf.LayersModel> {
  const model = createDigitsNet();
  const source = `${PEFT_FOLDER}/base.safetensors`;
  assignStateDict(model, (await readSafetensors(source)).tensors, { source });
  return model;
}

/** The inputs of the golden logits: the first 32 test images, normalized, [32, 784] float32. */
export async function peftRows(): Promise<tf.Tensor> {
  const { images } = (await mnist()).test;
  return tf.tidy(() => normalize(tf.tensor2d(images.subarray(0, 32 * 784), [32, 784]), mnistNormalization));
}

/** The logits [32, 10] of PEFT for these images, with the adapter `variant` or without one (`base`). */
export async function peftLogits(variant: string): Promise<tf.Tensor> {
  const expected = JSON.parse(await readFile(`${PEFT_FOLDER}/expected.json`, 'utf8'));
  return tf.tensor2d(expected[variant].logits);
}

/** The number of wrong predictions per digit on the whole test set, of PEFT with the adapter `variant`. */
export async function peftWrong(variant: string): Promise<number[]> {
  return JSON.parse(await readFile(`${PEFT_FOLDER}/expected.json`, 'utf8'))[variant].wrong;
}
