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
import { ROUNDING, relativeDifference } from '../helpers/torch-models.ts';

useDevice();

/** Keys of the configuration that determine what an adapter computes. */
const RELEVANT_KEYS = [
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

test('the base model has the same logits as in PyTorch', async () => {
  const base = await peftBase();
  const logits = base.predict(await peftRows()) as tf.Tensor;
  expect(relativeDifference(logits, await peftLogits('base'))).toBeLessThan(ROUNDING);
});

describe.each(PEFT_VARIANTS)('the adapter %s of PEFT', (variant) => {
  const folder = join(PEFT_FOLDER, variant);

  test('has the same logits and test errors as in PEFT, also when merged', async () => {
    const base = await peftBase();
    const model = await loadPeft(base, folder);
    const rows = await peftRows();
    const expected = await peftLogits(variant);
    expect(relativeDifference(model.predict(rows) as tf.Tensor, expected)).toBeLessThan(ROUNDING);
    expect(relativeDifference(mergeLora(model).predict(rows) as tf.Tensor, expected)).toBeLessThan(ROUNDING);
    expect(relativeDifference(base.predict(rows) as tf.Tensor, await peftLogits('base'))).toBeLessThan(
      ROUNDING,
    );
    expect(await wrongCounts(model)).toEqual(await peftWrong(variant));
  });

  test('is saved with the same tensors, bit for bit, and an equivalent configuration', async () => {
    const out = await temporaryFolder();
    await savePeft(await loadPeft(await peftBase(), folder), out);
    const [original, saved] = await Promise.all([filesOf(folder), filesOf(out)]);
    for (const key of RELEVANT_KEYS)
      expect([key, saved.config[key]]).toEqual([key, equivalentValue(original.config, key)]);
    expect([...saved.tensors.keys()]).toEqual([...original.tensors.keys()]);
    for (const [name, { shape, data }] of original.tensors) {
      expect(saved.tensors.get(name)!.shape).toEqual(shape);
      expect(Buffer.compare(saved.tensors.get(name)!.data, data)).toBe(0);
    }
  });
});

/** `bias: all` is saved as `lora_only`, which is the same if every layer is adapted, as here. */
function equivalentValue(config: Record<string, unknown>, key: string): unknown {
  return key === 'bias' && config.bias === 'all' ? 'lora_only' : config[key];
}

/** The configuration, with its targets sorted, and the tensors of an adapter. */
async function filesOf(folder: string) {
  const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
  config.target_modules = [config.target_modules].flat().sort();
  const { tensors } = parseSafetensors(folder, await readFile(join(folder, 'adapter_model.safetensors')));
  return { config, tensors };
}
