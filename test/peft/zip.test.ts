import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterAll, expect, test } from 'vitest';
import { injectLora, loraLayers, readAdapter } from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { loadPeft, peftFiles } from '../../src/peft/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-zip-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base = createDigitsNet({ seed: 1 });
const model = injectLora(base, { rank: 3 });
const { config, weights } = peftFiles(model);

function write(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const factors = (adapted: typeof model) =>
  loraLayers(adapted).map(({ layer }) =>
    [...readAdapter(layer, 'default').values()].map(({ values }) => [...values]),
  );

test.each(['', 'my-adapter/'])('loads an adapter from a zip file, at "%s"', async (prefix) => {
  const zip = zipSync({
    [`${prefix}adapter_config.json`]: strToU8(config),
    [`${prefix}adapter_model.safetensors`]: weights,
    'README.md': strToU8('mine'),
  });
  const loaded = await loadPeft(base, write('adapter.zip', zip));
  expect(factors(loaded)).toEqual(factors(model));
});

test('reports what is wrong with a zip file', async () => {
  const noWeights = write('half.zip', zipSync({ 'adapter_config.json': strToU8(config) }));
  await expect(loadPeft(base, noWeights)).rejects.toThrow(
    /half\.zip: not a zip file of an adapter: it has no adapter_model\.safetensors$/,
  );
  const damaged = write('damaged.zip', zipSync({ 'adapter_config.json': strToU8(config) }).subarray(0, 80));
  await expect(loadPeft(base, damaged)).rejects.toThrow(/damaged\.zip: cannot be read as a zip file/);
});
