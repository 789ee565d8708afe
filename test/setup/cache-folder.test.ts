import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { cacheFolder } from '../../src/setup/index.ts';

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
