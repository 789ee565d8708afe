import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { injectLora, loraLayers, loraSummary } from '../../src/lora/index.ts';
import { loadPeft, savePeft } from '../../src/peft/index.ts';
import {
  readSafetensors,
  type SafeTensor,
  safeTensor,
  writeSafetensors,
} from '../../src/safetensors/index.ts';
import { changedAdapter } from '../helpers/changed-adapter.ts';
import { peftBase, peftLogits, peftRows } from '../helpers/peft-fixtures.ts';
import { withSeededWeights } from '../helpers/seeded-weights.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { ROUNDING, relativeDifference } from '../helpers/torch-models.ts';
import { outputsOf, randomizeAdapter } from '../lora/models.ts';

useDevice();

let base: tf.LayersModel;
beforeAll(async () => {
  base = await peftBase();
});

/** Loads an adapter; returns the model and the warnings, with the folder as `.`. */
async function load(folder: string, model = base): Promise<{ model: tf.LayersModel; warnings: string[] }> {
  const warnings: string[] = [];
  const onWarning = (text: string) => warnings.push(text.replaceAll(folder, '.'));
  return { model: await loadPeft(model, folder, { onWarning }), warnings };
}

async function expectLogits(model: tf.LayersModel, variant: string): Promise<void> {
  const logits = model.predict(await peftRows()) as tf.Tensor;
  expect(relativeDifference(logits, await peftLogits(variant))).toBeLessThan(ROUNDING);
}

const renamedBy = (rename: (name: string) => string) => (tensors: Map<string, SafeTensor>) => {
  for (const [name, tensor] of [...tensors]) {
    tensors.delete(name);
    tensors.set(rename(name), tensor);
  }
};

describe('loads with a warning:', () => {
  test.each([
    ['torch.compile', (name: string) => name.replace('model.model.', 'model.model._orig_mod.')],
    ['DistributedDataParallel', (name: string) => `module.${name}`],
    ['FSDP', (name: string) => name.replace('linear', '_fsdp_wrapped_module.linear')],
    ["names without PEFT's prefix", (name: string) => name.replace('base_model.model.', '')],
    ["names with the adapter's name", (name: string) => name.replace('.weight', '.default.weight')],
  ])('%s', async (_, rename) => {
    const folder = await changedAdapter('plain', { tensors: renamedBy(rename) });
    const { model, warnings } = await load(folder);
    await expectLogits(model, 'plain');
    expect(warnings).toEqual([
      expect.stringMatching(
        /^.\/adapter_model.safetensors: read tensor .*lora_.* as base_model.model.linear\d.lora_[AB].weight, and 5 others/,
      ),
    ]);
  });

  test('numbered modules of an nn.Sequential', async () => {
    const numbers: Record<string, string> = { linear1: '0', linear2: '2', linear3: '10' };
    const numbered = renamedBy((name) => name.replace(/linear\d/, (layer) => numbers[layer]!));
    const config = { target_modules: ['0', '2', '10'], alpha_pattern: { '10': 6 } };
    const { model, warnings } = await load(await changedAdapter('plain', { config, tensors: numbered }));
    await expectLogits(model, 'plain');
    expect(warnings).toEqual([
      './adapter_model.safetensors: took the numbered modules 0, 2, 10 for the layers linear1, linear2, linear3, in order',
    ]);
  });

  test('names in target_modules and modules_to_save that no layer has', async () => {
    const config = {
      target_modules: ['linear1', 'linear2', 'linear3', 'q_proj'],
      modules_to_save: ['classifier', 'score'],
    };
    const { model, warnings } = await load(await changedAdapter('plain', { config }));
    await expectLogits(model, 'plain');
    expect(warnings).toEqual([
      './adapter_config.json: ignored names that no layer has: q_proj (target_modules), classifier (modules_to_save), score (modules_to_save)',
    ]);
  });

  test('keys of patterns that match no layer', async () => {
    const config = { alpha_pattern: { lin1: 64, 'base_model.model.linear1': 64 }, rank_pattern: { foo: 2 } };
    const { model, warnings } = await load(await changedAdapter('plain', { config }));
    await expectLogits(model, 'plain');
    expect(warnings).toEqual([
      './adapter_config.json: ignored patterns that match no adapted layer: foo (rank_pattern), lin1 (alpha_pattern), base_model.model.linear1 (alpha_pattern)',
    ]);
  });

  test('trained biases that PEFT did not save', async () => {
    const { model, warnings } = await load(await changedAdapter('plain', { config: { bias: 'lora_only' } }));
    await expectLogits(model, 'plain');
    expect(warnings).toEqual([
      './adapter_model.safetensors: has no biases despite bias "lora_only"; loaded with those of the base, as PEFT does',
    ]);
  });
});

test.each([
  ['\\Alinear1', 64],
  ['linear1\\Z', 64],
  ['(?P<name>linear)1', 64],
  ['(?i:LINEAR)1', 64],
  ['(?x: linear ) 1', 6],
])("alpha_pattern %s is read as Python's", async (pattern, alpha) => {
  const { model } = await load(
    await changedAdapter('plain', { config: { alpha_pattern: { [pattern]: alpha } } }),
  );
  expect(loraSummary(model).layers[0]!.alpha).toBe(alpha);
  model.dispose();
});

test('expressions that backtrack do not block', async () => {
  const layer = tf.layers.dense({ name: `${'a'.repeat(41)}b`, units: 2, inputShape: [2] });
  const folder = await changedAdapter('plain', { config: { target_modules: '(a+)+$' } });
  await expect(loadPeft(tf.sequential({ layers: [layer] }), folder)).rejects.toThrow(/no layer matches/);
});

describe('a name of a nested model', () => {
  function nested(): tf.LayersModel {
    const head = tf.sequential({
      name: 'head',
      layers: [
        tf.layers.dense({ units: 5, name: 'dense', inputShape: [6] }),
        tf.layers.dense({ units: 3, name: 'out' }),
      ],
    });
    return withSeededWeights(
      tf.sequential({ layers: [tf.layers.dense({ units: 6, name: 'body', inputShape: [8] }), head] }),
    );
  }

  test('selects its layers in modules_to_save of a file', async () => {
    const model = nested();
    const adapted = injectLora(model, { rank: 2, targets: ['body'], modulesToSave: ['dense', 'out'] });
    randomizeAdapter(adapted);
    const folder = await temporaryFolder();
    await savePeft(adapted, folder);
    const path = `${folder}/adapter_config.json`;
    const { readFile, writeFile } = await import('node:fs/promises');
    const config = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...config, modules_to_save: ['head'] }));
    const loaded = await load(folder, model);
    expect(loaded.warnings).toEqual([]);
    expect(outputsOf(loaded.model)).toEqual(outputsOf(adapted));
  });

  test('selects its layers in targets, exclude and modulesToSave', () => {
    const ranks = (config: object) =>
      loraLayers(injectLora(nested(), { rank: 1, ...config })).map(({ path, layer }) => [
        path,
        layer.adapters.get('default')!.settings.rank,
      ]);
    expect(ranks({ targets: ['head'] })).toEqual([
      ['head.dense', 1],
      ['head.out', 1],
    ]);
    expect(ranks({ exclude: ['head'] })).toEqual([['body', 1]]);
    expect(ranks({ modulesToSave: ['head'] })).toEqual([
      ['body', 1],
      ['head.dense', 0],
      ['head.out', 0],
    ]);
  });
});

test('a layer whose name ends like one in modules_to_save is trained only if the file has its tensors', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 2, name: 'layout', inputShape: [2] }),
      tf.layers.dense({ units: 2, name: 'out' }),
    ],
  });
  const folder = await temporaryFolder();
  await savePeft(injectLora(model, { rank: 1, targets: ['layout'], modulesToSave: /out/ }), folder);
  const { model: loaded } = await load(folder, model);
  expect(loraLayers(loaded).map(({ layer }) => layer.adapters.get('default')!.settings.rank)).toEqual([1, 0]);
  await expect(savePeft(loaded, folder, { peftOnly: true })).rejects.toThrow(
    /would apply it to 'layout' too/,
  );
});

test('a missing tensor is reported with those that are there and what to do', async () => {
  const folder = await changedAdapter('bias-lora-only', {
    tensors: (tensors) => tensors.delete('base_model.model.linear2.base_layer.bias'),
  });
  await expect(loadPeft(base, folder)).rejects.toThrow(
    /missing tensor .*linear2.base_layer.bias.*; the file has .*; set "bias" to "none" in adapter_config.json/,
  );
  const path = `${folder}/adapter_model.safetensors`;
  const { tensors } = await readSafetensors(path);
  const some = new Map([...tensors].filter(([name]) => /linear1.lora/.test(name)));
  renamedBy((name) => name.replace('linear1', '7'))(some);
  await writeSafetensors(path, some.set('base_model.model.8.bias', safeTensor(new Float32Array(1), [1])));
  await expect(loadPeft(base, folder)).rejects.toThrow(
    /has 2 numbered modules \(7, 8\), as an nn.Sequential, but the model has 3 layers with weights \(linear1, linear2/,
  );
});
