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
import { ROUNDING, relativeDifference } from '../helpers/torch-models.ts';

useDevice();

/**
 * Writes a golden adapter of PEFT as mlx-lm would, with lora_a [in, rank] and lora_b [rank, out], and changes the
 * tensors by `change`.
 *
 * @returns the folder
 */
async function mlxFolder(
  variant: string,
  config: object,
  change = (_: Map<string, SafeTensor>) => {},
): Promise<string> {
  const { tensors } = await readSafetensors(join(PEFT_FOLDER, variant, 'adapter_model.safetensors'));
  const converted = new Map<string, SafeTensor>();
  for (const [name, { shape, data }] of tensors) {
    const module = name.split('.')[2];
    const value = tf.tensor(new Float32Array(data.slice().buffer), [...shape]);
    const part = name.endsWith('lora_A.weight') ? 'lora_a' : name.endsWith('lora_B.weight') ? 'lora_b' : 'm';
    const transposed = value.rank === 2 ? value.transpose() : value;
    converted.set(`${module}.${part}`, safeTensor(transposed.dataSync<'float32'>(), transposed.shape));
  }
  change(converted);
  const folder = await temporaryFolder();
  await writeSafetensors(join(folder, 'adapters.safetensors'), converted);
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  return folder;
}

test.each([
  ['plain', 'lora', 6 / 4],
  ['two-layers', 'lora', 6 / 3],
  ['dora', 'dora', 6 / 2],
])("loads the adapter %s from mlx-lm's files with the same logits", async (variant, type, scale) => {
  const config = { fine_tune_type: type, num_layers: 3, lora_parameters: { rank: 99, scale, dropout: 0 } };
  const model = await loadPeft(await peftBase(), await mlxFolder(variant, config));
  const logits = model.predict(await peftRows()) as tf.Tensor;
  expect(relativeDifference(logits, await peftLogits(variant))).toBeLessThan(ROUNDING);
});

test("rejects mlx-lm's DoRA of an embedding, whose magnitudes are those of rows", async () => {
  const base = tf.sequential({
    layers: [tf.layers.embedding({ name: 'tokens', inputShape: [2], inputDim: 3, outputDim: 3 })],
  });
  const folder = await temporaryFolder();
  const tensor = (...shape: number[]) => safeTensor(new Float32Array(shape[0]! * (shape[1] ?? 1)), shape);
  const tensors = new Map([
    ['tokens.lora_a', tensor(3, 1)],
    ['tokens.lora_b', tensor(1, 3)],
    ['tokens.m', tensor(3)],
  ]);
  await writeSafetensors(join(folder, 'adapters.safetensors'), tensors);
  const config = { fine_tune_type: 'dora', lora_parameters: { rank: 1, scale: 1, dropout: 0 } };
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  await expect(loadPeft(base, folder)).rejects.toThrow(/DoRA of the embedding "tokens" is not supported/);
});

test('rejects unsupported types, and missing and unexpected tensors', async () => {
  const base = await peftBase();
  const config = { fine_tune_type: 'lora', lora_parameters: { rank: 4, scale: 1.5, dropout: 0 } };
  await expect(
    loadPeft(base, await mlxFolder('plain', { ...config, fine_tune_type: 'full' })),
  ).rejects.toThrow('unsupported fine_tune_type "full"; expected lora or dora');
  await expect(loadPeft(base, await mlxFolder('plain', { fine_tune_type: 'lora' }))).rejects.toThrow(
    /lora_parameters: /,
  );
  const extra = await mlxFolder('plain', config, (tensors) =>
    tensors.set('x.lora_a', safeTensor(new Float32Array(1), [1, 1])),
  );
  await expect(loadPeft(base, extra)).rejects.toThrow('unexpected tensors x.lora_a');
  const incomplete = await mlxFolder('plain', config, (tensors) => tensors.delete('linear2.lora_b'));
  await expect(loadPeft(base, incomplete)).rejects.toThrow(
    'missing tensor linear2.lora_b, which layer "linear2" needs',
  );
  const otherModel = await mlxFolder('plain', config, (tensors) => {
    for (const name of [...tensors.keys()]) tensors.delete(name);
    tensors.set('q_proj.lora_a', safeTensor(new Float32Array(1), [1, 1]));
  });
  await expect(loadPeft(base, otherModel)).rejects.toThrow(
    "no lora_a for any layer; the model's layers are linear1",
  );
});

test('refuses the alpha of 2024 unless it is known whether it was used', async () => {
  const base = await peftBase();
  const parameters = { rank: 4, scale: 1.5, dropout: 0, alpha: 16 };
  const old = { lora_layers: 16, use_dora: false, lora_parameters: parameters };
  await expect(loadPeft(base, await mlxFolder('plain', old))).rejects.toThrow(
    /alpha 16 and scale 1.5, and is of 2024: mlx-lm used the factor scale \* alpha \/ rank = 6 until June 2024, and scale = 1.5 since/,
  );
  for (const config of [
    { ...old, lora_parameters: { ...parameters, alpha: 4 } },
    { fine_tune_type: 'lora', num_layers: 16, lora_parameters: parameters },
  ]) {
    const model = await loadPeft(base, await mlxFolder('plain', config));
    expect(
      relativeDifference(model.predict(await peftRows()) as tf.Tensor, await peftLogits('plain')),
    ).toBeLessThan(ROUNDING);
  }
  const dora = { lora_layers: 3, use_dora: true, lora_parameters: { rank: 2, scale: 3 } };
  const model = await loadPeft(base, await mlxFolder('dora', dora));
  expect(
    relativeDifference(model.predict(await peftRows()) as tf.Tensor, await peftLogits('dora')),
  ).toBeLessThan(ROUNDING);
});

test('reports unknown keys of the configuration', async () => {
  const warnings: string[] = [];
  const config = { num_layers: 3, use_magic: 1, lora_parameters: { scale: 1.5, rank: 4, use_rslora: true } };
  await loadPeft(await peftBase(), await mlxFolder('plain', config), {
    onWarning: (text) => warnings.push(text),
  });
  expect(warnings).toEqual([
    expect.stringMatching(/adapter_config.json: ignored unknown keys use_magic, lora_parameters.use_rslora$/),
  ]);
});
