import { accessSync, existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { keepCompiledCode, setTensorFlowFlags } from '../../src/tensorflow/flags.ts';
import { clearXlaCache, compilerSettings, xlaCacheFolder } from '../../src/tensorflow/xla-cache.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('sets only what the user has not set', async () => {
  const folder = join(await temporaryFolder(), 'xla');
  const env = { TF_CPP_MIN_LOG_LEVEL: '0', TF_NUM_INTRAOP_THREADS: '3' };
  setTensorFlowFlags({ threads: 1 }, env);
  keepCompiledCode(folder, env);
  expect(env).toEqual({
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_NUM_INTRAOP_THREADS: '3',
    TF_NUM_INTEROP_THREADS: '1',
    XLA_FLAGS: '--xla_backend_extra_options=xla_cpu_use_multi_output_fusion',
    TF_XLA_FLAGS: `--tf_xla_persistent_cache_directory=${folder}`,
  });
  expect(existsSync(folder)).toBe(true);
});

test("XLA flags of the user come first, and the user's own cache folder stays", async () => {
  const folder = await temporaryFolder();
  const env = { TF_XLA_FLAGS: '--tf_xla_clustering_debug' };
  keepCompiledCode(folder, env);
  expect(env.TF_XLA_FLAGS).toBe(`--tf_xla_clustering_debug --tf_xla_persistent_cache_directory=${folder}`);
  const own = { TF_XLA_FLAGS: '--tf_xla_persistent_cache_directory=/own' };
  keepCompiledCode(folder, own);
  expect(own.TF_XLA_FLAGS).toBe('--tf_xla_persistent_cache_directory=/own');
  const options = { XLA_FLAGS: '--xla_backend_extra_options=xla_cpu_small_call' };
  setTensorFlowFlags({}, options);
  expect(options.XLA_FLAGS).toBe('--xla_backend_extra_options=xla_cpu_small_call');
});

test('threads are left to TensorFlow unless given', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({}, env);
  expect(Object.keys(env).filter((name) => name.includes('THREADS'))).toEqual([]);
});

vi.mock('node:fs', { spy: true });

test('a cache folder that cannot be written to is left out', async () => {
  const env: NodeJS.ProcessEnv = {};
  vi.mocked(accessSync).mockImplementationOnce(() => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  });
  const folder = await temporaryFolder();
  keepCompiledCode(folder, env);
  expect(env.TF_XLA_FLAGS).toBeUndefined();
  keepCompiledCode(folder, env);
  expect(env.TF_XLA_FLAGS).toContain(folder);
});

test('a cache folder that XLA flags cannot name, or that cannot be made, is left out', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  for (const unusable of [join(folder, 'with space'), join(folder, 'file/below')]) {
    const env: NodeJS.ProcessEnv = {};
    keepCompiledCode(unusable, env);
    expect(env.TF_XLA_FLAGS).toBeUndefined();
  }
});

test('code that XLA compiled is kept apart by version, device and settings', async () => {
  vi.stubEnv('TFJS_LORA_CACHE', await temporaryFolder());
  const folder = xlaCacheFolder('cpu', '2.21.0', ['']);
  expect(xlaCacheFolder('cpu', '2.21.0', [''])).toBe(folder);
  expect(xlaCacheFolder('cpu', '2.22.0', [''])).not.toBe(folder);
  expect(xlaCacheFolder('cuda', '2.21.0', [''])).not.toBe(folder);
  expect(xlaCacheFolder('cpu', '2.21.0', ['--xla_cpu_enable_fast_math'])).not.toBe(folder);
  const settings = [{}, { TF_NUM_INTRAOP_THREADS: '999' }, { XLA_FLAGS: '--xla_dump_to=/a' }].map((env) =>
    compilerSettings('cpu', { tf32: false }, env),
  );
  expect(new Set([...settings, compilerSettings('cpu', { tf32: true }, {})].map(String)).size).toBe(4);
  vi.unstubAllEnvs();
});

test('kept code is removed where XLA keeps it, also in a folder of the user, and nothing else is', async () => {
  const folder = await temporaryFolder();
  const env = { TF_XLA_FLAGS: `--tf_xla_max_cluster_size=9 --tf_xla_persistent_cache_directory=${folder}` };
  expect(clearXlaCache(env)).toBe(false);
  expect(clearXlaCache({})).toBe(false);
  for (const name of ['xla_compile_cache__1__2__XLA_CPU_JIT.pb', 'mine']) {
    await writeFile(join(folder, name), '?');
  }
  expect(clearXlaCache(env)).toBe(true);
  expect(await readdir(folder)).toEqual(['mine']);
});
