import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { distIsCurrent, stampDist } from '../../../scripts/setup/build.mjs';
import { cacheFolder } from '../../../scripts/setup/cache-folder.mjs';
import { withLock } from '../../../scripts/setup/lock.mjs';
import { packagesAreInstalled } from '../../../scripts/setup/npm-packages.mjs';
import { nativeObstacle } from '../../../scripts/setup/platform.mjs';
import { reason } from '../../../scripts/setup/run.mjs';
import { temporaryFolder } from '../../helpers/temporary.ts';

let root: string;

beforeEach(async () => {
  root = await temporaryFolder();
});

/** Writes package-lock.json and what npm says is installed; the folders of the latter are there as well. */
async function packages(wanted: object, installed: object): Promise<void> {
  for (const path of Object.keys(installed)) await mkdir(join(root, path), { recursive: true });
  await mkdir(join(root, 'node_modules'), { recursive: true });
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
  await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }));
}

test('npm packages are there when each has the version that the lock file asks for', async () => {
  const one = { 'node_modules/one': { version: '1.0.0' } };
  await packages(one, one);
  expect(packagesAreInstalled(root)).toBe(true);
  await rm(join(root, 'node_modules/one'), { recursive: true });
  expect(packagesAreInstalled(root)).toBe(false);
});

test('another version, a missing package or no node_modules make npm packages stale', async () => {
  expect(packagesAreInstalled(root)).toBe(false);
  await packages({ 'node_modules/one': { version: '1.0.1' } }, { 'node_modules/one': { version: '1.0.0' } });
  expect(packagesAreInstalled(root)).toBe(false);
  await packages(
    { 'node_modules/one': { version: '1.0.0' }, 'node_modules/two': { version: '2.0.0' } },
    {
      'node_modules/one': { version: '1.0.0' },
    },
  );
  expect(packagesAreInstalled(root)).toBe(false);
});

test('an optional package of another platform need not be there', async () => {
  await packages({ 'node_modules/fsevents': { version: '2.3.3', optional: true } }, {});
  expect(packagesAreInstalled(root)).toBe(true);
});

test('dist is stale without a build, and after any source changed, came or went', async () => {
  await mkdir(join(root, 'src/room'), { recursive: true });
  await mkdir(join(root, 'dist'));
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'src/a.ts', 'src/room/b.ts']) {
    await writeFile(join(root, name), name);
  }
  expect(distIsCurrent(root)).toBe(false);
  stampDist(root);
  expect(distIsCurrent(root)).toBe(true);
  await utimes(join(root, 'src/a.ts'), 1, 1);
  expect(distIsCurrent(root)).toBe(false);
  stampDist(root);
  await rm(join(root, 'src/room/b.ts'));
  expect(distIsCurrent(root)).toBe(false);
});

test('two pieces of work under one lock do not overlap, and the second one is told to wait', async () => {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} starts`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    events.push(`${name} ends`);
  };
  await Promise.all([
    withLock(root, work('one'), () => events.push('one waits')),
    withLock(root, work('two'), () => events.push('two waits')),
  ]);
  expect(events).toEqual(['one starts', 'two waits', 'one ends', 'two starts', 'two ends']);
});

test('a lock is free again after work that failed', async () => {
  await expect(withLock(root, async () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await withLock(root, async () => 'free')).toBe('free');
});

test('where TensorFlow cannot run the line says why', () => {
  const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' };
  expect(nativeObstacle(linux)).toBeUndefined();
  expect(nativeObstacle({ ...linux, glibc: '2.27' })).toBeUndefined();
  expect(nativeObstacle({ ...linux, glibc: '2.17' })).toContain(
    'need glibc 2.27 or newer, and this system has 2.17',
  );
  expect(nativeObstacle({ ...linux, glibc: '' })).toContain('Alpine');
  expect(nativeObstacle({ ...linux, arch: 'arm64' })).toContain('linux on arm64');
  expect(nativeObstacle({ platform: 'darwin', arch: 'arm64', glibc: '' })).toContain('darwin on arm64');
  expect(nativeObstacle({ platform: 'win32', arch: 'x64', glibc: '' })).toContain('WSL 2');
});

test('the cache folder follows TFJS_LORA_CACHE, then the custom of the platform', () => {
  expect(cacheFolder({ TFJS_LORA_CACHE: '/mine', XDG_CACHE_HOME: '/xdg' }, 'linux')).toBe('/mine');
  expect(cacheFolder({ XDG_CACHE_HOME: '/xdg' }, 'linux')).toBe('/xdg/tfjs-lora');
  expect(cacheFolder({}, 'linux')).toMatch(/\.cache\/tfjs-lora$/);
  expect(cacheFolder({}, 'darwin')).toMatch(/Library\/Caches\/tfjs-lora$/);
  expect(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32')).toMatch(/^\/local.tfjs-lora/);
});

test('of what a failed program says the last error is passed on', () => {
  expect(reason('Collecting x\nERROR: first\nERROR: no network\nhint: try later\n')).toBe('no network');
  expect(reason('one\ntwo\n')).toBe('two');
  expect(reason('')).toBe('it said nothing');
});
