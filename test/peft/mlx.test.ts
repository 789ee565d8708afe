import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { loadPeft } from '../../src/peft/index.ts';
import {
  readSafetensors,
  type SafeTensor,
  safeTensor,
  writeSafetensors,
} from '../../src/safetensors/index.ts';
import { PEFT_FOLDER, peftBase, peftLogits, peftRows } from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { relativeDifference } from '../helpers/torch-models.ts';

useDevice();

/** A golden adapter in mlx-lm's layout: lora_a [in, rank], lora_b [rank, out], the scale alpha / rank as it is. */
async function asMlx(
  variant: string,
  config: object,
  change = (_: Map<string, SafeTensor>) => {},
): Promise<string> {
  const { tensors } = await readSafetensors(join(PEFT_FOLDER, variant, 'adapter_model.safetensors'));
  const turned = new Map<string, SafeTensor>();
  for (const [name, { shape, data }] of tensors) {
    const module = name.split('.')[2];
    const value = tf.tensor(new Float32Array(data.slice().buffer), [...shape]);
    const part = name.endsWith('lora_A.weight') ? 'lora_a' : name.endsWith('lora_B.weight') ? 'lora_b' : 'm';
    const own = value.rank === 2 ? value.transpose() : value;
    turned.set(`${module}.${part}`, safeTensor(own.dataSync<'float32'>(), own.shape));
  }
  change(turned);
  const folder = await temporaryFolder();
  await writeSafetensors(join(folder, 'adapters.safetensors'), turned);
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  return folder;
}

test.each([
  ['plain', 'lora', 6 / 4],
  ['two-layers', 'lora', 6 / 3],
  ['dora', 'dora', 6 / 2],
])("%s in mlx-lm's layout gives the same logits", async (variant, type, scale) => {
  const config = { fine_tune_type: type, num_layers: 3, lora_parameters: { rank: 99, scale, dropout: 0 } };
  const model = await loadPeft(await peftBase(), await asMlx(variant, config));
  const logits = model.predict(await peftRows()) as tf.Tensor;
  expect(relativeDifference(logits, await peftLogits(variant))).toBeLessThan(1e-5);
});

test('what does not fit is named', async () => {
  const base = await peftBase();
  const good = { fine_tune_type: 'lora', lora_parameters: { rank: 4, scale: 1.5, dropout: 0 } };
  await expect(loadPeft(base, await asMlx('plain', { ...good, fine_tune_type: 'full' }))).rejects.toThrow(
    "fine_tune_type is 'full'; only lora and dora are adapters",
  );
  await expect(loadPeft(base, await asMlx('plain', { fine_tune_type: 'lora' }))).rejects.toThrow(
    /lora_parameters: /,
  );
  const extra = await asMlx('plain', good, (tensors) =>
    tensors.set('x.lora_a', safeTensor(new Float32Array(1), [1, 1])),
  );
  await expect(loadPeft(base, extra)).rejects.toThrow('no layer takes x.lora_a');
  const short = await asMlx('plain', good, (tensors) => tensors.delete('linear2.lora_b'));
  await expect(loadPeft(base, short)).rejects.toThrow("lacks linear2.lora_b, which layer 'linear2' needs");
  const other = await asMlx('plain', good, (tensors) => {
    for (const name of [...tensors.keys()]) tensors.delete(name);
    tensors.set('q_proj.lora_a', safeTensor(new Float32Array(1), [1, 1]));
  });
  await expect(loadPeft(base, other)).rejects.toThrow(
    'has no lora_a for any layer of the model, which has linear1',
  );
});
