import type * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { mergeLora } from '../../src/lora/index.ts';
import { loadPeft, savePeft } from '../../src/peft/index.ts';
import { readSafetensors } from '../../src/safetensors/index.ts';
import { assignStateDict } from '../../src/torch/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  ROUNDING,
  relativeDifference,
  type TorchModelName,
  torchExpected,
  torchModels,
  torchStateDict,
} from '../helpers/torch-models.ts';

useDevice();

const ADAPTERS: readonly (readonly [string, TorchModelName])[] = [
  ['cnn-conv', 'cnn'],
  ['cnn-dora', 'cnn'],
  ['cnn-regex', 'cnn'],
  ['cnn-all-linear', 'cnn'],
  ['cnn-patterns', 'cnn'],
  ['cnn-bias', 'cnn'],
  ['text-embedding', 'text'],
  ['text-dora', 'text'],
  ['sequential-numbers', 'sequential'],
];

async function baseOf(name: TorchModelName): Promise<tf.LayersModel> {
  const model = torchModels[name]();
  assignStateDict(model, (await torchStateDict(name)).tensors, { source: name });
  return model;
}

describe.each(ADAPTERS)('the adapter %s of PEFT', (adapter, name) => {
  test('has the same logits as in PEFT, also when merged', async () => {
    const model = await loadPeft(await baseOf(name), `test/fixtures/torch/${adapter}`);
    const input = await torchExpected(`${name}.input`);
    const expected = await torchExpected(`${adapter}.logits`);
    expect(relativeDifference(model.predict(input) as tf.Tensor, expected)).toBeLessThan(ROUNDING);
    expect(relativeDifference(mergeLora(model).predict(input) as tf.Tensor, expected)).toBeLessThan(ROUNDING);
  });

  test('is saved with the same tensors, bit for bit', async () => {
    const folder = `test/fixtures/torch/${adapter}`;
    const out = await temporaryFolder();
    await savePeft(await loadPeft(await baseOf(name), folder), out);
    const original = await readSafetensors(`${folder}/adapter_model.safetensors`);
    const saved = await readSafetensors(`${out}/adapter_model.safetensors`);
    expect([...saved.tensors.keys()]).toEqual([...original.tensors.keys()]);
    for (const [parameter, { shape, data }] of original.tensors) {
      expect([parameter, saved.tensors.get(parameter)!.shape]).toEqual([parameter, shape]);
      expect(Buffer.compare(saved.tensors.get(parameter)!.data, data)).toBe(0);
    }
  });
});
