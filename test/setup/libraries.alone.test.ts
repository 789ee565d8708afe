import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import type { DownloadProgress } from '../../src/setup/index.ts';
import { findLibraries, installLibraries } from '../../src/setup/libraries.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { storedZip } from '../helpers/zip.ts';

const wheel = storedZip({
  'tensorflow/libtensorflow_cc.so.2': 'the library',
  'tensorflow/libtensorflow_framework.so.2': 'the framework library',
  'tensorflow/include/tensorflow/c/c_api.h': '// the header',
  'tensorflow/include/absl/unused.h': '// not needed',
  'tensorflow/python/unused.py': '# not needed',
});
const tensorflowWheel = {
  name: 'tensorflow-cpu',
  version: '2.21.0',
  platform: 'manylinux_2_27_x86_64',
  sha256: sha256(wheel),
  sizeBytes: wheel.length,
  unpackedBytes: 1000,
};
const release = { version: '2.21.0', wheels: [tensorflowWheel] };

let cache: string;
let steps: string[];
let downloads: DownloadProgress[];
const listener = {
  onStep: (line: string) => steps.push(line),
  onDownload: (progress: DownloadProgress) => downloads.push(progress),
};

beforeEach(async () => {
  cache = await temporaryFolder();
  steps = [];
  downloads = [];
  vi.stubEnv('TFJS_LORA_CACHE', cache);
  vi.stubEnv('TFJS_LORA_TENSORFLOW', '');
  return () => vi.unstubAllEnvs();
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Makes `PYTHON` a script whose pip "downloads" the bytes, or prints `failure` and fails. */
async function usePip(bytes: Buffer, failure?: string): Promise<void> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'bytes'), bytes);
  const download = failure
    ? `echo "${failure}" >&2; exit 1`
    : `while [ "$1" != --dest ]; do shift; done; cp ${folder}/bytes "$2/tensorflow_cpu.whl"`;
  const script = `#!/bin/sh\necho "$*" >> ${cache}/calls\ncase "$*" in *--version) exit 0;; esac\n${download}\n`;
  await writeFile(join(folder, 'python'), script, { mode: 0o755 });
  vi.stubEnv('PYTHON', join(folder, 'python'));
}

/** The packages that pip was asked to download. */
async function downloadedPackages(): Promise<(string | undefined)[]> {
  const calls = (await readFile(join(cache, 'calls'), 'utf8')).split('\n');
  return calls.filter((call) => / download /.test(call)).map((call) => call.split(' ').at(-1));
}

test('pip downloads the pinned wheel, and only the files that are used are unpacked', async () => {
  await usePip(wheel);
  const { folder } = await installLibraries('cpu', listener, release);
  expect(await readFile(join(folder, 'libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
  expect(existsSync(join(folder, 'include/tensorflow/c/c_api.h'))).toBe(true);
  expect(existsSync(join(folder, 'include/absl'))).toBe(false);
  expect(existsSync(join(folder, 'python'))).toBe(false);
  expect(findLibraries('cpu')?.folder).toBe(folder);
  expect(steps).toEqual([
    'downloading tensorflow-cpu==2.21.0 (0 MB) with pip',
    'unpacking tensorflow_cpu.whl',
  ]);
  const { length } = wheel;
  expect(downloads.at(-1)).toEqual({ name: 'tensorflow-cpu', doneBytes: length, totalBytes: length });
  expect(await readFile(join(cache, 'calls'), 'utf8')).toMatch(/--no-deps .*tensorflow-cpu==2\.21\.0$/m);
});

test('a damaged download is rejected with both hashes and not used later', async () => {
  const damaged = Buffer.from(wheel);
  damaged[60]! ^= 1;
  await usePip(damaged);
  await expect(installLibraries('cpu', listener, release)).rejects.toThrow(
    `SHA-256 is ${sha256(damaged)}, expected ${sha256(wheel)}`,
  );
  expect(findLibraries('cpu')).toBeUndefined();
});

test('a wheel whose unpacking was interrupted is unpacked again', async () => {
  const part = join(cache, 'tensorflow/2.21.0-cpu.part/tensorflow');
  await mkdir(part, { recursive: true });
  await writeFile(join(part, 'libtensorflow_cc.so.2'), 'the li');
  expect(findLibraries('cpu')).toBeUndefined();
  await usePip(wheel);
  const { folder } = await installLibraries('cpu', listener, release);
  expect(await readFile(join(folder, 'libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
  expect(await readdir(join(cache, 'tensorflow'))).toEqual(['2.21.0-cpu']);
});

test('a truncated library counts as missing', async () => {
  await usePip(wheel);
  const { folder } = await installLibraries('cpu', listener, release);
  await truncate(join(folder, 'libtensorflow_cc.so.2'), 3);
  expect(findLibraries('cpu')).toBeUndefined();
});

test("a failed download gives pip's reason and what to check", async () => {
  await usePip(wheel, 'ERROR: No matching distribution found for tensorflow-cpu==2.21.0');
  await expect(installLibraries('cpu', listener, release)).rejects.toMatchObject({
    code: 'download-failed',
    message: expect.stringMatching(
      /pip cannot download tensorflow-cpu==2\.21\.0 \(No matching distribution found .*; check the network/,
    ),
  });
});

test('without Python the message says how to install pip', async () => {
  vi.stubEnv('PATH', '/nowhere');
  vi.stubEnv('PYTHON', undefined);
  await expect(installLibraries('cpu', listener, release)).rejects.toMatchObject({
    code: 'pip-missing',
    message: expect.stringMatching(/^no Python found, .*apt install python3-pip/),
  });
});

test('TFJS_LORA_TENSORFLOW takes a wheel and checks its hash', async () => {
  const path = join(cache, 'mine.whl');
  vi.stubEnv('TFJS_LORA_TENSORFLOW', path);
  vi.stubEnv('PATH', '/nowhere');
  await writeFile(path, wheel.subarray(0, 100));
  await expect(installLibraries('cpu', listener, release)).rejects.toThrow(`${path}: SHA-256 is`);
  await writeFile(path, wheel);
  await installLibraries('cpu', listener, release);
  expect(findLibraries('cpu')?.folder).toBe(join(cache, 'tensorflow/2.21.0-cpu/tensorflow'));
  expect(existsSync(path)).toBe(true);
});

test('after a failure, wheels that are complete are not downloaded again', async () => {
  const cublas = storedZip({ 'nvidia/cublas/lib/libcublas.so.12': 'CUDA', 'nvidia/cublas/include/x.h': '' });
  const cublasWheel = { ...tensorflowWheel, name: 'nvidia-cublas-cu12', sha256: sha256(cublas) };
  const both = { ...release, wheels: [tensorflowWheel, cublasWheel] };
  await usePip(wheel);
  await expect(installLibraries('cuda', listener, both)).rejects.toThrow('SHA-256');
  expect(steps[0]).toBe('2 downloads, 0 MB; 0 MB on disk');
  await usePip(cublas);
  const { folder } = await installLibraries('cuda', listener, both);
  expect(await downloadedPackages()).toEqual([
    'tensorflow-cpu==2.21.0',
    'nvidia-cublas-cu12==2.21.0',
    'nvidia-cublas-cu12==2.21.0',
  ]);
  expect(await readFile(join(folder, '../nvidia/cublas/lib/libcublas.so.12'), 'utf8')).toBe('CUDA');
  expect(existsSync(join(folder, '../nvidia/cublas/include'))).toBe(false);
});

test('TFJS_LORA_TENSORFLOW takes a folder of wheels and names the missing one', async () => {
  const wheels = await temporaryFolder();
  vi.stubEnv('TFJS_LORA_TENSORFLOW', wheels);
  vi.stubEnv('PATH', '/nowhere');
  await writeFile(join(wheels, 'other-1.0-py3-none-any.whl'), '');
  await expect(installLibraries('cpu', listener, release)).rejects.toThrow(
    `${wheels}: tensorflow_cpu-2.21.0-*.whl is missing; fetch it with 'pip download --no-deps tensorflow-cpu==2.21.0'`,
  );
  await writeFile(join(wheels, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl'), wheel);
  const { folder } = await installLibraries('cpu', listener, release);
  expect(await readFile(join(folder, 'libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
});

test('TFJS_LORA_TENSORFLOW takes an unpacked wheel or its tensorflow folder, and uses it in place', async () => {
  const unpacked = await temporaryFolder();
  await mkdir(join(unpacked, 'tensorflow'));
  vi.stubEnv('TFJS_LORA_TENSORFLOW', unpacked);
  expect(() => findLibraries('cpu')).toThrow(`${unpacked}: libtensorflow_cc.so.2 is missing`);
  await writeFile(join(unpacked, 'tensorflow/libtensorflow_cc.so.2'), 'library');
  const libraries = {
    folder: join(unpacked, 'tensorflow'),
    include: join(unpacked, 'tensorflow/include'),
    sizeBytes: 7,
  };
  expect(findLibraries('cpu')).toEqual(libraries);
  vi.stubEnv('TFJS_LORA_TENSORFLOW', join(unpacked, 'tensorflow'));
  expect(findLibraries('cpu')).toEqual(libraries);
  vi.stubEnv('TFJS_LORA_TENSORFLOW', '/nowhere/at/all');
  expect(() => findLibraries('cpu')).toThrow('TFJS_LORA_TENSORFLOW=/nowhere/at/all: no such file');
});

test('a full disk is reported before the download, with the space that is needed', async () => {
  await usePip(wheel);
  const huge = { ...release, wheels: [{ ...tensorflowWheel, unpackedBytes: 1e18 }] };
  await expect(installLibraries('cpu', listener, huge)).rejects.toMatchObject({
    code: 'cache-full',
    message: expect.stringMatching(/free, 1000000000\.0 GB needed/),
  });
  expect(existsSync(join(cache, 'calls'))).toBe(false);
});

test.for<[string, () => Promise<string>]>([
  ['below a file', async () => await fileIn(cache)],
  ['below a link to a missing folder', async () => await danglingLinkIn(cache)],
  ['on a file system without folders', async () => '/proc'],
])('a cache folder %s gives an error with its path', async ([, parent]) => {
  vi.stubEnv('TFJS_LORA_CACHE', join(await parent(), 'cache'));
  await expect(installLibraries('cpu', listener, release)).rejects.toMatchObject({
    code: 'file-unwritable',
    message: expect.stringMatching(/cache\/tensorflow\/2\.21\.0-cpu: cannot be written: /),
  });
});

async function fileIn(folder: string): Promise<string> {
  const path = join(folder, 'file');
  await writeFile(path, '');
  return path;
}

async function danglingLinkIn(folder: string): Promise<string> {
  const path = join(folder, 'link');
  await symlink('/not/mounted', path);
  return path;
}
