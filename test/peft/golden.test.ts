import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { mergeLora } from '../../src/lora/index.ts';
import { loadPeft, savePeft } from '../../src/peft/index.ts';
import { parseSafetensors } from '../../src/safetensors/index.ts';
import { wrongCounts } from '../helpers/mnist.ts';
import {
  PEFT_FOLDER,
  PEFT_VARIANTS,
  peftBase,
  peftLogits,
  peftRows,
  peftWrong,
} from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { relativeDifference } from '../helpers/torch-models.ts';

useDevice();

/** Keys of the configuration that say what an adapter computes. */
const MEANING = [
  'peft_type',
  'r',
  'lora_alpha',
  'target_modules',
  'rank_pattern',
  'alpha_pattern',
  'modules_to_save',
  'bias',
  'use_rslora',
  'use_dora',
  'lora_dropout',
];

test('the base gives the logits that it gives in PyTorch', async () => {
  const base = await peftBase();
  const logits = base.predict(await peftRows()) as tf.Tensor;
  expect(relativeDifference(logits, await peftLogits('base'))).toBeLessThan(1e-5);
});

describe.each(PEFT_VARIANTS)("PEFT's adapter %s", (variant) => {
  const folder = join(PEFT_FOLDER, variant);

  test('gives the logits that it gives in PEFT, merged as well, and the same wrong counts on the test set', async () => {
    const base = await peftBase();
    const model = await loadPeft(base, folder);
    const rows = await peftRows();
    const expected = await peftLogits(variant);
    expect(relativeDifference(model.predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);
    expect(relativeDifference(mergeLora(model).predict(rows) as tf.Tensor, expected)).toBeLessThan(1e-5);
    expect(relativeDifference(base.predict(rows) as tf.Tensor, await peftLogits('base'))).toBeLessThan(1e-5);
    expect(await wrongCounts(model)).toEqual(await peftWrong(variant));
  });

  test('is written again with the same tensors, bit for bit, and the same meaning', async () => {
    const out = await temporaryFolder();
    await savePeft(await loadPeft(await peftBase(), folder), out);
    const [given, written] = await Promise.all([filesOf(folder), filesOf(out)]);
    for (const key of MEANING)
      expect([key, written.config[key]]).toEqual([key, meaningOf(given.config, key)]);
    expect([...written.tensors.keys()]).toEqual([...given.tensors.keys()]);
    for (const [name, { shape, data }] of given.tensors) {
      expect(written.tensors.get(name)!.shape).toEqual(shape);
      expect(Buffer.compare(written.tensors.get(name)!.data, data)).toBe(0);
    }
  });
});

/** Where every layer is adapted, training all biases is training those of adapted layers. */
function meaningOf(config: Record<string, unknown>, key: string): unknown {
  return key === 'bias' && config.bias === 'all' ? 'lora_only' : config[key];
}

async function filesOf(folder: string) {
  const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
  config.target_modules = [config.target_modules].flat().sort();
  const { tensors } = parseSafetensors(folder, await readFile(join(folder, 'adapter_model.safetensors')));
  return { config, tensors };
}
