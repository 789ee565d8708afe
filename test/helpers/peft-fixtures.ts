import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { createDigitsNet } from '../../src/models/index.ts';
import { readSafetensors } from '../../src/safetensors/index.ts';
import { assignStateDict } from '../../src/torch/index.ts';

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

/** The DigitsNet that PEFT's golden adapters were trained on. */
export async function peftBase(): Promise<tf.LayersModel> {
  const model = createDigitsNet();
  const source = `${PEFT_FOLDER}/base.safetensors`;
  assignStateDict(model, (await readSafetensors(source)).tensors, { source });
  return model;
}

/** The test-set images of the golden logits, normalised: [32, 784]. */
export async function peftRows(): Promise<tf.Tensor> {
  const rows = readNpy(await readFile(`${PEFT_FOLDER}/test_rows.npy`));
  const mnist = await import('../../src/mnist-data-loader/index.ts');
  const { test } = await mnist.loadMnist({});
  const { images } = mnist.selectRows(test, rows);
  const { normalize, mnistNormalization } = await import('../../src/models/index.ts');
  return tf.tidy(() => normalize(tf.tensor2d(images, [rows.length, 784]), mnistNormalization));
}

/** What PEFT computed for those images with an adapter, or without one (`base`). */
export async function peftLogits(variant: string): Promise<tf.Tensor> {
  const expected = JSON.parse(await readFile(`${PEFT_FOLDER}/expected.json`, 'utf8'));
  return tf.tensor2d(expected[variant].logits);
}

/** Whole numbers of an .npy file (numpy.lib.format): 4 bytes each, after a header that says so. */
function readNpy(bytes: Buffer): number[] {
  const headerEnd = 10 + bytes.readUInt16LE(8);
  if (!bytes.toString('latin1', 10, headerEnd).includes("'descr': '<i4'")) throw new Error('expected int32');
  const count = (bytes.length - headerEnd) / 4;
  return Array.from({ length: count }, (_, index) => bytes.readInt32LE(headerEnd + 4 * index));
}

/** Wrong answers per digit on the whole test set, by PEFT. */
export async function peftWrong(variant: string): Promise<number[]> {
  return JSON.parse(await readFile(`${PEFT_FOLDER}/expected.json`, 'utf8'))[variant].wrong;
}
