import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { injectLora, loraLayers, readAdapter, writeAdapter } from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { loadPeftFiles, peftFiles, savePeft } from '../../src/peft/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-peft-'));
let base: tf.LayersModel;
let model: tf.LayersModel;

beforeAll(() => {
  base = createDigitsNet({ seed: 3 });
  model = injectLora(base, { rank: 2, alpha: 4 });
  for (const { path, layer } of loraLayers(model)) {
    const tensors = new Map(
      [...readAdapter(layer, 'default')].map(([name, { shape }]) => [
        name,
        {
          shape,
          values: Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => Math.sin(i + 1) / 8),
        },
      ]),
    );
    writeAdapter(layer, 'default', tensors, path);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const predict = (adapted: tf.LayersModel) =>
  tf.tidy(() => (adapted.predict(tf.linspace(0, 1, 2 * 784).reshape([2, 784])) as tf.Tensor).arraySync());

test('the files in memory are those that are saved, byte for byte', async () => {
  await savePeft(model, folder, { baseHash: 'abc' });
  const { config, weights } = peftFiles(model, { baseHash: 'abc' });
  expect(config).toBe(readFileSync(join(folder, 'adapter_config.json'), 'utf8'));
  expect(Buffer.compare(weights, readFileSync(join(folder, 'adapter_model.safetensors')))).toBe(0);
});

test('an adapter loads from memory, with equal outputs', () => {
  const loaded = loadPeftFiles(base, peftFiles(model, { baseHash: 'abc' }), { baseHash: 'abc' });
  expect(predict(loaded)).toEqual(predict(model));
  expect(predict(loaded)).not.toEqual(predict(base));
});

test('an adapter of another base and damaged files are refused', () => {
  const files = peftFiles(model, { baseHash: 'abc' });
  expect(() => loadPeftFiles(base, files, { baseHash: 'def' })).toThrow(
    /adapter_model.safetensors: trained on a base with content hash abc, this base has def/,
  );
  expect(() => loadPeftFiles(base, { ...files, config: '{' }, { baseHash: 'abc' })).toThrow(/not valid JSON/);
  const cut = files.weights.subarray(0, files.weights.length - 1);
  expect(() => loadPeftFiles(base, { ...files, weights: cut }, { baseHash: 'abc' })).toThrow(/truncated/);
});
