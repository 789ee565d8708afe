import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { cacheFolder, cacheParts } from '../../src/setup/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('TFJS_LORA_CACHE names the cache folder', () => {
  vi.stubEnv('TFJS_LORA_CACHE', '/my/cache');
  vi.stubEnv('XDG_CACHE_HOME', '/xdg');
  expect(cacheFolder()).toBe('/my/cache');
});

test.runIf(process.platform === 'linux')('on Linux the cache folder follows the XDG specification', () => {
  vi.stubEnv('TFJS_LORA_CACHE', '');
  vi.stubEnv('XDG_CACHE_HOME', '/xdg');
  expect(cacheFolder()).toBe('/xdg/tfjs-lora');
  vi.stubEnv('XDG_CACHE_HOME', undefined);
  expect(cacheFolder()).toBe(join(homedir(), '.cache/tfjs-lora'));
});

test('the folders in the cache are listed with the size of their files', async () => {
  const cache = await temporaryFolder();
  vi.stubEnv('TFJS_LORA_CACHE', cache);
  expect(cacheParts()).toEqual([]);
  await mkdir(join(cache, 'xla/2.21.0'), { recursive: true });
  await writeFile(join(cache, 'xla/2.21.0/a'), 'four');
  await writeFile(join(cache, 'xla/b'), 'three');
  expect(cacheParts()).toEqual([
    { name: 'xla', purpose: 'code that XLA compiled', folder: join(cache, 'xla'), sizeBytes: 9 },
  ]);
});
