import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { injectLora, type LoraConfig, loraLayers } from '../../src/lora/index.ts';
import { loadPeft, savePeft } from '../../src/peft/index.ts';
import { readSafetensors, writeSafetensors } from '../../src/safetensors/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { outputsOf, randomizeAdapter } from '../lora/models.ts';

useDevice();

const initialized = (seed: number) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) });

/** A model whose layers have automatic names: a convolution and two dense layers of the same shape, one nested. */
function build(): tf.LayersModel {
  const last = tf.sequential({ layers: [tf.layers.dense({ units: 4, inputShape: [4], ...initialized(1) })] });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 1, kernelSize: 3, inputShape: [4, 4, 1], ...initialized(2) }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 4, ...initialized(3) }),
      last,
    ],
  });
}

async function adapterOf(
  base: tf.LayersModel,
  config: LoraConfig,
): Promise<[folder: string, outputs: number[]]> {
  const model = injectLora(base, { rank: 1, alpha: 3, ...config });
  randomizeAdapter(model);
  const folder = await temporaryFolder();
  await savePeft(model, folder);
  return [folder, outputsOf(model)];
}

test.each<LoraConfig>([
  {},
  { bias: 'all', targets: /.*Dense\d+/ },
  { targets: /.*Conv.*/, modulesToSave: /sequential.*/ },
])('an adapter of %o loads onto the same model that was built before or after it', async (config) => {
  const before = build();
  const [folder, outputs] = await adapterOf(build(), config);
  const after = build();
  for (const base of [before, after]) {
    const loaded = await loadPeft(base, folder);
    expect(outputsOf(loaded)).toEqual(outputs);
    const names = loraLayers(loaded).map(({ path }) => path);
    expect(names.length).toBeGreaterThan(0);
    expect(base.layers.map(({ name }) => name)).toEqual(expect.arrayContaining([names[0]!.split('.')[0]]));
  }
});

test('layers are told apart by their place, although their names are swapped', async () => {
  const pair = (swap: boolean) => {
    const create = (seed: number) => tf.layers.dense({ units: 4, inputShape: [4], ...initialized(seed) });
    const second = swap ? create(2) : undefined;
    return tf.sequential({ layers: [create(1), second ?? create(2)] });
  };
  const [folder, outputs] = await adapterOf(pair(true), {});
  expect(outputsOf(await loadPeft(pair(false), folder))).toEqual(outputs);
  expect(outputsOf(await loadPeft(pair(true), folder))).toEqual(outputs);
});

test('names of PEFT and of earlier versions are those of the layers', async () => {
  const base = build();
  const [folder, outputs] = await adapterOf(base, {});
  const path = `${folder}/adapter_model.safetensors`;
  const { tensors, metadata } = await readSafetensors(path);
  await writeSafetensors(path, tensors, new Map([...metadata].filter(([key]) => key !== 'tfjs_lora_layers')));
  expect(outputsOf(await loadPeft(base, folder))).toEqual(outputs);
  await expect(loadPeft(build(), folder)).rejects.toThrow(CheckpointError);
});

test('damaged names are an error', async () => {
  const base = build();
  const [folder] = await adapterOf(base, {});
  const path = `${folder}/adapter_model.safetensors`;
  const { tensors, metadata } = await readSafetensors(path);
  for (const text of ['{', '[]', '{"a":1}']) {
    await writeSafetensors(path, tensors, new Map([...metadata, ['tfjs_lora_layers', text]]));
    await expect(loadPeft(base, folder)).rejects.toThrow(/tfjs_lora_layers is not an object of names/);
  }
});
