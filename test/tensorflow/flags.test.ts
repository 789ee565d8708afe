import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { setTensorFlowFlags } from '../../src/tensorflow/flags.ts';
import { clearXlaCache, xlaCacheFolder } from '../../src/tensorflow/xla-cache.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('sets only what the user has not set', async () => {
  const folder = join(await temporaryFolder(), 'xla');
  const env = { TF_CPP_MIN_LOG_LEVEL: '0', TF_NUM_INTRAOP_THREADS: '3' };
  setTensorFlowFlags({ threads: 1, xlaCacheFolder: folder }, env);
  expect(env).toEqual({
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_NUM_INTRAOP_THREADS: '3',
    TF_NUM_INTEROP_THREADS: '1',
    TF_XLA_FLAGS: `--tf_xla_persistent_cache_directory=${folder}`,
  });
  expect(existsSync(folder)).toBe(true);
});

test("XLA flags of the user come first, and the user's own cache folder stays", async () => {
  const folder = await temporaryFolder();
  const env = { TF_XLA_FLAGS: '--tf_xla_clustering_debug' };
  setTensorFlowFlags({ xlaCacheFolder: folder }, env);
  expect(env.TF_XLA_FLAGS).toBe(`--tf_xla_clustering_debug --tf_xla_persistent_cache_directory=${folder}`);
  const own = { TF_XLA_FLAGS: '--tf_xla_persistent_cache_directory=/own' };
  setTensorFlowFlags({ xlaCacheFolder: folder }, own);
  expect(own.TF_XLA_FLAGS).toBe('--tf_xla_persistent_cache_directory=/own');
});

test('threads are left to TensorFlow unless given', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({}, env);
  expect(env).toEqual({ TF_CPP_MIN_LOG_LEVEL: '3' });
});

test('a cache folder that XLA flags cannot name, or that cannot be made, is left out', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  for (const xlaCacheFolder of [join(folder, 'with space'), join(folder, 'file/below')]) {
    const env: NodeJS.ProcessEnv = {};
    setTensorFlowFlags({ xlaCacheFolder }, env);
    expect(env.TF_XLA_FLAGS).toBeUndefined();
  }
});

test('code that XLA compiled is kept apart by version and device, and can be cleared', async () => {
  vi.stubEnv('TFJS_LORA_CACHE', await temporaryFolder());
  const folder = xlaCacheFolder('cpu', '2.21.0');
  expect(xlaCacheFolder('cpu', '2.21.0')).toBe(folder);
  expect(xlaCacheFolder('cpu', '2.22.0')).not.toBe(folder);
  expect(xlaCacheFolder('cuda', '2.21.0')).not.toBe(folder);
  clearXlaCache();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'damaged'), '?');
  clearXlaCache();
  expect(await readdir(folder)).toEqual([]);
  vi.unstubAllEnvs();
});
