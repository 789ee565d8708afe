import { access, readdir, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import {
  clearXlaCache,
  compilerSettings,
  useXlaCache,
  xlaCacheFolder,
} from '../../src/tensorflow-libraries/xla-cache.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

vi.mock('node:fs/promises', { spy: true });

afterEach(() => {
  vi.unstubAllEnvs();
});

test('the folder is created and set as a flag', async () => {
  const folder = join(await temporaryFolder(), 'new/xla');
  const env: NodeJS.ProcessEnv = {};
  await useXlaCache(folder, env);
  expect(env.TF_XLA_FLAGS).toBe(`--tf_xla_persistent_cache_directory=${folder}`);
  expect(await readdir(folder)).toEqual([]);
});

test('XLA runs without a cache if the folder is read-only', async () => {
  // Mocked, because root may write to every folder.
  vi.mocked(access).mockRejectedValueOnce(Object.assign(new Error('read-only'), { code: 'EROFS' }));
  const folder = await temporaryFolder();
  const env: NodeJS.ProcessEnv = {};
  await useXlaCache(folder, env);
  expect(env.TF_XLA_FLAGS).toBeUndefined();
  await useXlaCache(folder, env);
  expect(env.TF_XLA_FLAGS).toContain(folder);
});

test.for(['below a file', 'on a file system without folders'])(
  'XLA runs without a cache if its folder is %s',
  async (place) => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    const env: NodeJS.ProcessEnv = {};
    await useXlaCache(join(place === 'below a file' ? file : '/proc', 'xla'), env);
    expect(env.TF_XLA_FLAGS).toBeUndefined();
  },
);

test('files that killed processes were writing are removed', async () => {
  const folder = await temporaryFolder();
  const entry = 'xla_compile_cache__1__2__XLA_CPU_JIT';
  const unfinished = (host: string, pid: number) => `${entry}${host}-1f-${pid}-5d2a.tmp`;
  const kept = [
    `${entry}.pb`,
    unfinished('another-host', 999_999_999),
    unfinished(hostname(), process.pid),
    'x.tmp',
  ];
  const old = unfinished('a-third-host', 1);
  for (const name of [...kept, old, unfinished(hostname(), 999_999_999)])
    await writeFile(join(folder, name), '');
  await utimes(join(folder, old), 0, 0);
  await useXlaCache(folder, {});
  expect((await readdir(folder)).sort()).toEqual(kept.sort());
});

test('each version, device and compiler setting has a folder of its own', () => {
  vi.stubEnv('TFJS_LORA_CACHE', '/cache');
  const folder = xlaCacheFolder('cpu', '2.21.0', ['']);
  expect(xlaCacheFolder('cpu', '2.21.0', [''])).toBe(folder);
  expect(xlaCacheFolder('cpu', '2.22.0', [''])).not.toBe(folder);
  expect(xlaCacheFolder('cuda', '2.21.0', [''])).not.toBe(folder);
  expect(xlaCacheFolder('cpu', '2.21.0', ['--xla_cpu_enable_fast_math'])).not.toBe(folder);
});

test('threads, XLA flags and TF32 are compiler settings', () => {
  const settings = [
    compilerSettings('cpu', { tf32: false }, {}),
    compilerSettings('cpu', { tf32: false }, { TF_NUM_INTRAOP_THREADS: '999' }),
    compilerSettings('cpu', { tf32: false }, { XLA_FLAGS: '--xla_dump_to=/a' }),
    compilerSettings('cpu', { tf32: true }, {}),
  ];
  expect(new Set(settings.map(String)).size).toBe(4);
});

test("clearing deletes XLA's files, also in a folder that the user chose, and no others", async () => {
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
