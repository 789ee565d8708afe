import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { loraLayers } from '../../src/lora/index.ts';
import { loadPeft, loadPeftFiles } from '../../src/peft/index.ts';
import { safeTensor, serializeSafetensors } from '../../src/safetensors/index.ts';
import { changedAdapter } from '../helpers/changed-adapter.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { ROUNDING, relativeDifference } from '../helpers/torch-models.ts';

useDevice();

const folder = join(import.meta.dirname, '../fixtures/peft/layers-to-transform');

interface Expected {
  readonly modules: readonly string[];
  readonly selections: readonly { readonly selected: readonly string[] }[];
  readonly base: Readonly<Record<string, number[][] & number[]>>;
  readonly x: number[][];
  readonly y: number[][];
}
const { modules, selections, base, x, y }: Expected = JSON.parse(
  await readFile(join(folder, 'expected.json'), 'utf8'),
);

/** A model with a dense layer of 4 units for each path. */
function modelOf(paths: readonly string[], activation?: 'tanh'): tf.Sequential {
  const names = [...new Set(paths.map((path) => path.split('.')[0]!))];
  const layers = names.map((name) => {
    const inner = paths
      .filter((path) => path.startsWith(`${name}.`))
      .map((path) => path.slice(name.length + 1));
    if (inner.length === 0) return tf.layers.dense({ name, units: 4, inputShape: [4], activation });
    const model = modelOf(inner, activation);
    model.name = name;
    return model;
  });
  return tf.sequential({ layers });
}

describe('layers_to_transform and layers_pattern', () => {
  test('an adapter that PEFT saved has the outputs of PEFT', async () => {
    const model = modelOf(
      [0, 1, 2].map((layer) => `model.layers.${layer}.lin`),
      'tanh',
    );
    model.setWeights(
      [0, 1, 2].flatMap((layer) => [
        tf.tensor2d(base[`model.layers.${layer}.lin.weight`]!).transpose(),
        tf.tensor1d(base[`model.layers.${layer}.lin.bias`]!),
      ]),
    );
    const adapted = await loadPeft(model, folder, { anyBase: true });
    expect(loraLayers(adapted).map(({ path }) => path)).toEqual(['model.layers.0.lin', 'model.layers.2.lin']);
    const outputs = adapted.predict(tf.tensor2d(x)) as tf.Tensor;
    expect(relativeDifference(outputs, tf.tensor2d(y))).toBeLessThan(ROUNDING);
  });

  // A tfjs layer cannot have an empty name, nor the name of a model.
  const paths = modules.filter((path) => !path.startsWith('.') && path !== 'model.layers.1');

  test.each(selections)('select the layers that PEFT selects: %j', async ({ selected, ...options }) => {
    const expected = selected.filter((path) => paths.includes(path));
    const tensors = new Map(
      expected.flatMap((path) =>
        (['A', 'B'] as const).map((factor) => {
          const shape = factor === 'A' ? [1, 4] : [4, 1];
          const name = `base_model.model.${path}.lora_${factor}.weight`;
          return [name, safeTensor(Float32Array.of(1, 2, 3, 4), shape)] as const;
        }),
      ),
    );
    const config = { peft_type: 'LORA', r: 1, lora_alpha: 1, target_modules: ['lin'], ...options };
    const weights = Buffer.concat(serializeSafetensors('weights', { tensors, metadata: new Map() }));
    const files = { config: JSON.stringify(config), weights };
    const adapted = loadPeftFiles(modelOf(paths), files, { baseHash: '' });
    expect(
      loraLayers(adapted)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(expected.toSorted());
  });

  test.each([
    [
      { layers_to_transform: [1], target_modules: '.*lin' },
      'layers_to_transform needs a list in target_modules',
    ],
    [{ layers_pattern: 'layers' }, 'layers_pattern needs layers_to_transform'],
    [{ layers_to_transform: ['1'] }, 'layers_to_transform'],
  ])('reject what PEFT rejects: %j', async (config, message) => {
    const changed = await changedAdapter('plain', { config });
    await expect(loadPeft(modelOf(['lin']), changed)).rejects.toThrow(`adapter_config.json: ${message}`);
  });
});
