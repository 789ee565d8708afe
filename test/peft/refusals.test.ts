import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { type LoadPeftOptions, loadPeft } from '../../src/peft/index.ts';
import {
  readSafetensors,
  type SafeTensor,
  safeTensor,
  writeSafetensors,
} from '../../src/safetensors/index.ts';
import { PEFT_FOLDER, peftBase } from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

let base: tf.LayersModel;
beforeAll(async () => {
  base = await peftBase();
});

/** A copy of a golden adapter with some of its configuration or tensors changed. */
async function changed(
  variant: string,
  change: { config?: Record<string, unknown>; tensors?: (tensors: Map<string, SafeTensor>) => void },
): Promise<string> {
  const folder = await temporaryFolder();
  await cp(join(PEFT_FOLDER, variant), folder, { recursive: true });
  const configPath = join(folder, 'adapter_config.json');
  const config = { ...JSON.parse(await readFile(configPath, 'utf8')), ...change.config };
  await writeFile(configPath, JSON.stringify(config));
  if (change.tensors) {
    const path = join(folder, 'adapter_model.safetensors');
    const tensors = new Map((await readSafetensors(path)).tensors);
    change.tensors(tensors);
    await writeSafetensors(path, tensors);
  }
  return folder;
}

/** What loading says; it has to leave no tensors behind. */
async function refusal(folder: string, options?: LoadPeftOptions): Promise<string> {
  const before = tf.memory().numTensors;
  const error = await loadPeft(base, folder, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CheckpointError);
  expect(tf.memory().numTensors).toBe(before);
  return (error as Error).message.replaceAll(folder, '.');
}

describe('a part of PEFT without a form here is refused by name', () => {
  test.each([
    ['use_qalora', true],
    ['alora_invocation_tokens', [1, 2]],
    ['layer_replication', [[0, 4]]],
    ['layers_to_transform', [1]],
    ['target_parameters', ['experts.weight']],
    ['trainable_token_indices', [3]],
    ['lora_bias', true],
    ['loftq_config', { loftq_bits: 4 }],
    ['corda_config', { cache_file: 'x' }],
    ['megatron_config', { a: 1 }],
  ])('%s', async (key, value) => {
    const folder = await changed('plain', { config: { [key]: value } });
    expect(await refusal(folder)).toMatch(`./adapter_config.json: ${key} is set, which has no form here`);
  });

  test('an initialisation that changed the base', async () => {
    const folder = await changed('plain', { config: { init_lora_weights: 'pissa_niter_4' } });
    expect(await refusal(folder)).toMatch(
      /init_lora_weights 'pissa_niter_4' changes the base; save it in PEFT with/,
    );
  });

  test('another method of PEFT', async () => {
    const folder = await changed('plain', { config: { peft_type: 'LOHA' } });
    expect(await refusal(folder)).toMatch(/^.\/adapter_config.json: peft_type: /);
  });
});

test('keys that nobody knows are passed over with a warning', async () => {
  const warnings: string[] = [];
  const folder = await changed('plain', { config: { use_telepathy: true } });
  const model = await loadPeft(base, folder, { onWarning: (message) => warnings.push(message) });
  model.dispose();
  expect(warnings).toEqual([
    `${folder}/adapter_config.json: keys use_telepathy are not known here; they were passed over`,
  ]);
});

test.each(['plain', 'dora', 'modules-to-save'])(
  'what PEFT writes of itself in %s brings no warning',
  async (variant) => {
    const warnings: string[] = [];
    (
      await loadPeft(base, join(PEFT_FOLDER, variant), { onWarning: (text) => warnings.push(text) })
    ).dispose();
    expect(warnings).toEqual([]);
  },
);

describe('a configuration that cannot be meant is named', () => {
  test.each([
    [{ r: 0 }, /adapter_config.json: r: /],
    [{ r: undefined }, /adapter_config.json: r: /],
    [{ lora_alpha: -1 }, /lora_alpha: /],
    [{ rank_pattern: { linear2: 1.5 } }, /rank_pattern.linear2: /],
    [{ bias: 'some' }, /bias: /],
    [
      { target_modules: ['linear9'] },
      /no layer matches target_modules \["linear9"\]; the model has linear1, linear2, linear3/,
    ],
    [{ target_modules: ['linear1', 'linear9'] }, /no layer is called linear9; the model has linear1/],
    [{ target_modules: '(' }, /target_modules: '\(' cannot be used as a regular expression/],
    [{ modules_to_save: ['head'] }, /no layer is called head/],
    [{ r: 300 }, /rank is 300, and layer 'linear/],
  ])('%o', async (config, message) => {
    expect(await refusal(await changed('plain', { config }))).toMatch(message);
  });
});

describe('tensors and layers have to fit one another', () => {
  test('a tensor that no layer takes is named', async () => {
    const folder = await changed('plain', {
      tensors: (tensors) =>
        tensors.set('base_model.model.other.lora_A.weight', safeTensor(new Float32Array(4), [2, 2])),
    });
    expect(await refusal(folder)).toBe(
      './adapter_model.safetensors: no layer takes base_model.model.other.lora_A.weight',
    );
  });

  test('a layer that gets no tensor is named', async () => {
    const folder = await changed('plain', {
      tensors: (tensors) => tensors.delete('base_model.model.linear2.lora_B.weight'),
    });
    expect(await refusal(folder)).toBe(
      "./adapter_model.safetensors: lacks base_model.model.linear2.lora_B.weight, which layer 'linear2' needs",
    );
  });

  test('a layer outside target_modules is not adapted in silence', async () => {
    const folder = await changed('plain', { config: { target_modules: ['linear1', 'linear3'] } });
    expect(await refusal(folder)).toMatch(
      /no layer takes base_model.model.linear2.lora_A.weight, base_model.model.linear2.lora_B/,
    );
  });

  test('names without the prefix, which PEFT passes over, are refused', async () => {
    const folder = await changed('plain', {
      tensors: (tensors) => {
        for (const [name, tensor] of [...tensors]) {
          tensors.delete(name);
          tensors.set(name.replace('base_model.model.', ''), tensor);
        }
      },
    });
    expect(await refusal(folder)).toMatch(/lacks base_model.model.linear1.lora_A.weight/);
  });

  test('a trained bias outside base_layer, which PEFT passes over, is refused', async () => {
    const folder = await changed('bias-lora-only', {
      tensors: (tensors) => {
        const name = 'base_model.model.linear1.base_layer.bias';
        tensors.set('base_model.model.linear1.bias', tensors.get(name)!);
        tensors.delete(name);
      },
    });
    expect(await refusal(folder)).toMatch(/lacks base_model.model.linear1.base_layer.bias/);
  });

  test('the shape of another rank is named with the one that fits', async () => {
    const folder = await changed('plain', { config: { r: 3 } });
    expect(await refusal(folder)).toMatch(
      /base_model.model.linear1.lora_A.weight has shape \[4,784\], its layer needs \[3,784\]/,
    );
  });

  test('values that are not finite are refused', async () => {
    const folder = await changed('plain', {
      tensors: (tensors) => {
        const values = new Float32Array(10 * 4).fill(Number.NaN);
        tensors.set('base_model.model.linear3.lora_B.weight', safeTensor(values, [10, 4]));
      },
    });
    expect(await refusal(folder)).toMatch(
      /lora_B of adapter 'default' of layer 'linear3' was given values that are not finite/,
    );
  });
});

describe('a folder that holds no adapter is named', () => {
  test('one that is missing, empty, or has old weights', async () => {
    const folder = await temporaryFolder();
    expect(await refusal(join(folder, 'none'))).toMatch(/there is no such folder/);
    expect(await refusal(folder)).toBe('.: has no adapter_config.json');
    await writeFile(join(folder, 'adapter_config.json'), '{}');
    await writeFile(join(folder, 'adapter_model.bin'), '');
    expect(await refusal(folder)).toMatch(
      /has no adapter_model.safetensors; save the adapter as safetensors/,
    );
  });

  test('one whose configuration is no JSON', async () => {
    const folder = await changed('plain', {});
    await writeFile(join(folder, 'adapter_config.json'), '{');
    expect(await refusal(folder)).toMatch(/adapter_config.json: is not JSON; the file is damaged/);
  });

  test('one that has other adapters', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'second'));
    await cp(join(PEFT_FOLDER, 'plain'), join(folder, 'second'), { recursive: true });
    expect(await refusal(folder)).toBe('.: has no adapter_config.json; it has the adapters second');
    (await loadPeft(base, folder, { adapter: 'second' })).dispose();
    await rm(join(folder, 'second', 'adapter_model.safetensors'));
    expect(await refusal(folder, { adapter: 'second' })).toMatch(
      /second\/adapter_model.safetensors: cannot be read/,
    );
  });
});
