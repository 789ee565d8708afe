import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { type LoadPeftOptions, loadPeft } from '../../src/peft/index.ts';
import { safeTensor } from '../../src/safetensors/index.ts';
import { changedAdapter } from '../helpers/changed-adapter.ts';
import { PEFT_FOLDER, peftBase } from '../helpers/peft-fixtures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

let base: tf.LayersModel;
beforeAll(async () => {
  base = await peftBase();
});

/** The message of the error that loading throws, with the folder as `.`; expects no tensors to be left behind. */
async function loadError(folder: string, options?: LoadPeftOptions): Promise<string> {
  const before = tf.memory().numTensors;
  const error = await loadPeft(base, folder, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CheckpointError);
  expect(tf.memory().numTensors).toBe(before);
  return (error as Error).message.replaceAll(folder, '.');
}

describe('rejects unsupported options of PEFT:', () => {
  test.each([
    ['use_qalora', true],
    ['alora_invocation_tokens', [1, 2]],
    ['layer_replication', [[0, 4]]],
    ['trainable_token_indices', [3]],
    ['lora_bias', true],
    ['loftq_config', { loftq_bits: 4 }],
    ['corda_config', { cache_file: 'x' }],
    ['megatron_config', { a: 1 }],
  ])('%s', async (key, value) => {
    const folder = await changedAdapter('plain', { config: { [key]: value } });
    expect(await loadError(folder)).toMatch(`./adapter_config.json: unsupported options ${key};`);
  });

  test('an initialization that changes the base', async () => {
    const folder = await changedAdapter('plain', { config: { init_lora_weights: 'pissa_niter_4' } });
    expect(await loadError(folder)).toMatch(
      /init_lora_weights "pissa_niter_4" changes the base; save the adapter in PEFT with/,
    );
  });

  test('a method other than LoRA', async () => {
    const folder = await changedAdapter('plain', { config: { peft_type: 'LOHA' } });
    expect(await loadError(folder)).toMatch(/^.\/adapter_config.json: peft_type: /);
  });
});

test('ignores unknown keys with a warning', async () => {
  const warnings: string[] = [];
  const folder = await changedAdapter('plain', { config: { use_telepathy: true } });
  const model = await loadPeft(base, folder, { onWarning: (message) => warnings.push(message) });
  model.dispose();
  expect(warnings).toEqual([`${folder}/adapter_config.json: ignored unknown keys use_telepathy`]);
});

test.each(['plain', 'dora', 'modules-to-save'])(
  'loads the adapter %s of PEFT without warnings',
  async (variant) => {
    const warnings: string[] = [];
    (
      await loadPeft(base, join(PEFT_FOLDER, variant), { onWarning: (text) => warnings.push(text) })
    ).dispose();
    expect(warnings).toEqual([]);
  },
);

describe('rejects an invalid configuration:', () => {
  test.each([
    [{ r: 0 }, /adapter_config.json: r: /],
    [{ r: undefined }, /adapter_config.json: r: /],
    [{ lora_alpha: -1 }, /lora_alpha: /],
    [{ lora_alpha: 1e308 }, /lora_alpha: .*1000000000/],
    [{ rank_pattern: { linear2: 1.5 } }, /rank_pattern.linear2: /],
    [{ bias: 'some' }, /bias: /],
    [
      { target_modules: ['linear9'] },
      /no layer matches target_modules \["linear9"\]; the model's layers are linear1, linear2, linear3/,
    ],
    [
      { target_modules: ['linear1', 'linear9'] },
      /unexpected tensors .*linear2.*; the model's layers are linear1, linear2, linear3/,
    ],
    [{ target_modules: '(' }, /target_modules: regular expression "\(": unclosed parenthesis/],
    [
      { target_modules: '(?!linear9).*' },
      /target_modules: regular expression .*: lookaheads \(\?!...\) are not/,
    ],
    [{ alpha_pattern: { '(?i)LINEAR1': 2 } }, /alpha_pattern: .*: flags \(\?i\) are not at the start/],
    [
      { target_modules: 'x'.repeat(100_000) },
      /no layer matches target_modules "x{99}…"; the model's layers are/,
    ],
    [{ r: 300 }, /lora_A.*300/],
    [{ r: 1_000_000_000 }, /adapter_config.json: rank 1000000000 does not fit .*at most 784 rows or columns/],
  ])('%o', async (config, message) => {
    expect(await loadError(await changedAdapter('plain', { config }))).toMatch(message);
  });
});

describe('rejects tensors that do not fit the model:', () => {
  test('a tensor that belongs to no layer', async () => {
    const folder = await changedAdapter('plain', {
      tensors: (tensors) =>
        tensors.set('base_model.model.other.lora_A.weight', safeTensor(new Float32Array(4), [2, 2])),
    });
    expect(await loadError(folder)).toBe(
      "./adapter_model.safetensors: unexpected tensors base_model.model.other.lora_A.weight; the model's layers are linear1, linear2, linear3",
    );
  });

  test('a missing tensor of a target layer', async () => {
    const folder = await changedAdapter('plain', {
      tensors: (tensors) => tensors.delete('base_model.model.linear2.lora_B.weight'),
    });
    expect(await loadError(folder)).toBe(
      './adapter_model.safetensors: missing tensor base_model.model.linear2.lora_B.weight, which layer "linear2" needs; the file has base_model.model.linear3.lora_A.weight, base_model.model.linear3.lora_B.weight',
    );
  });

  test('tensors of a layer that is not in target_modules', async () => {
    const folder = await changedAdapter('plain', { config: { target_modules: ['linear1', 'linear3'] } });
    expect(await loadError(folder)).toMatch(
      /unexpected tensors base_model.model.linear2.lora_A.weight, base_model.model.linear2.lora_B/,
    );
  });

  test('a trained bias outside base_layer, which PEFT ignores', async () => {
    const folder = await changedAdapter('bias-lora-only', {
      tensors: (tensors) => {
        const name = 'base_model.model.linear1.base_layer.bias';
        tensors.set('base_model.model.linear1.bias', tensors.get(name)!);
        tensors.delete(name);
      },
    });
    expect(await loadError(folder)).toMatch(/missing tensor base_model.model.linear1.base_layer.bias/);
  });

  test('tensors of another rank', async () => {
    const folder = await changedAdapter('plain', { config: { r: 3 } });
    expect(await loadError(folder)).toMatch(
      /base_model.model.linear1.lora_A.weight: shape \[4,784\] does not match the layer's \[3,784\]/,
    );
  });

  test('NaN values', async () => {
    const folder = await changedAdapter('plain', {
      tensors: (tensors) => {
        const values = new Float32Array(10 * 4).fill(Number.NaN);
        tensors.set('base_model.model.linear3.lora_B.weight', safeTensor(values, [10, 4]));
      },
    });
    expect(await loadError(folder)).toMatch(
      /adapter 'default' of layer 'linear3': lora_B contains NaN or Inf/,
    );
  });
});

describe('rejects a folder without an adapter:', () => {
  test('missing, empty, a file, or with weights in the old format', async () => {
    const folder = await temporaryFolder();
    expect(await loadError(join(folder, 'none'))).toMatch(/no such folder/);
    expect(await loadError(folder)).toBe('.: no adapter_config.json');
    await writeFile(join(folder, 'adapter_config.json'), '{}');
    await writeFile(join(folder, 'adapter_model.bin'), '');
    const file = join(folder, 'adapter_model.bin');
    expect(await loadError(file)).toBe('.: is a file; give the folder of the adapter');
    expect(await loadError(folder)).toMatch(/no adapter_model.safetensors; save the adapter as safetensors/);
  });

  test('with a configuration that is not JSON', async () => {
    const folder = await changedAdapter('plain', {});
    await writeFile(join(folder, 'adapter_config.json'), '{');
    expect(await loadError(folder)).toMatch(/adapter_config.json: not valid JSON; the file is damaged/);
  });

  test('with other adapters only', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'second'));
    await cp(join(PEFT_FOLDER, 'plain'), join(folder, 'second'), { recursive: true });
    expect(await loadError(folder)).toBe(
      '.: no adapter_config.json; it has subfolders for the adapters second',
    );
    (await loadPeft(base, folder, { adapter: 'second' })).dispose();
    await rm(join(folder, 'second', 'adapter_model.safetensors'));
    expect(await loadError(folder, { adapter: 'second' })).toMatch(
      /second\/adapter_model.safetensors: cannot be read/,
    );
  });
});
