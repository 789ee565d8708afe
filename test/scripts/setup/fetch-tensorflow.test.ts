import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { fetchTensorFlow, findTensorFlow } from '../../../scripts/setup/tensorflow.mjs';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { storedZip } from '../../helpers/zip.ts';

const wheel = storedZip({
  'tensorflow/libtensorflow_cc.so.2': 'the library',
  'tensorflow/libtensorflow_framework.so.2': 'the other library',
  'tensorflow/include/tensorflow/c/c_api.h': '// the header',
  'tensorflow/include/absl/unused.h': '// not needed',
  'tensorflow/python/unused.py': '# not needed',
});
const release = {
  version: '2.21.0',
  wheels: [
    {
      name: 'tensorflow-cpu',
      version: '2.21.0',
      platform: 'manylinux_2_27_x86_64',
      sha256: sha256(wheel),
      sizeBytes: wheel.length,
      unpackedBytes: 1000,
    },
  ],
};

let cache: string;
let notes: string[];
const note = (line: string) => notes.push(line);

beforeEach(async () => {
  cache = await temporaryFolder();
  notes = [];
  vi.stubEnv('TFJS_LORA_CACHE', cache);
  vi.stubEnv('TFJS_LORA_TENSORFLOW', '');
  return () => vi.unstubAllEnvs();
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A Python whose pip 'downloads' the bytes, or says `failure` instead. */
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

test('pip fetches the pinned wheel, and only what is needed of it is unpacked', async () => {
  await usePip(wheel);
  const { libraries } = await fetchTensorFlow('cpu', note, release);
  expect(await readFile(join(libraries, 'libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
  expect(existsSync(join(libraries, 'include/tensorflow/c/c_api.h'))).toBe(true);
  expect(existsSync(join(libraries, 'include/absl'))).toBe(false);
  expect(existsSync(join(libraries, 'python'))).toBe(false);
  expect(findTensorFlow('cpu')?.libraries).toBe(libraries);
  expect(notes[0]).toBe('downloading tensorflow-cpu==2.21.0 (0 MB) with pip');
  expect(await readFile(join(cache, 'calls'), 'utf8')).toMatch(/--no-deps .*tensorflow-cpu==2\.21\.0$/m);
});

test('a damaged download is refused with both digests, and never taken for a good one', async () => {
  const damaged = Buffer.from(wheel);
  damaged[60]! ^= 1;
  await usePip(damaged);
  await expect(fetchTensorFlow('cpu', note, release)).rejects.toThrow(
    `SHA-256 is ${sha256(damaged)}, expected ${sha256(wheel)}`,
  );
  expect(findTensorFlow('cpu')).toBeUndefined();
});

test('a set-up that was stopped while unpacking is done again', async () => {
  const part = join(cache, 'tensorflow/2.21.0-cpu.part/tensorflow');
  await mkdir(part, { recursive: true });
  await writeFile(join(part, 'libtensorflow_cc.so.2'), 'the li');
  expect(findTensorFlow('cpu')).toBeUndefined();
  await usePip(wheel);
  const { libraries } = await fetchTensorFlow('cpu', note, release);
  expect(await readFile(join(libraries, 'libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
  expect(await readdir(join(cache, 'tensorflow'))).toEqual(['2.21.0-cpu']);
});

test('a library that lost its end counts as missing', async () => {
  await usePip(wheel);
  const { libraries } = await fetchTensorFlow('cpu', note, release);
  await truncate(join(libraries, 'libtensorflow_cc.so.2'), 3);
  expect(findTensorFlow('cpu')).toBeUndefined();
});

test("pip's own reason is passed on, with what to do", async () => {
  await usePip(wheel, 'ERROR: No matching distribution found for tensorflow-cpu==2.21.0');
  await expect(fetchTensorFlow('cpu', note, release)).rejects.toThrow(
    /pip could not fetch tensorflow-cpu==2\.21\.0 \(No matching distribution found .*; check the network/,
  );
});

test('without Python the line says how to get pip, or around it', async () => {
  vi.stubEnv('PATH', '/nowhere');
  vi.stubEnv('PYTHON', undefined);
  await expect(fetchTensorFlow('cpu', note, release)).rejects.toThrow(
    /^no Python, .*apt install python3-pip.*TFJS_LORA_TENSORFLOW$/,
  );
});

test('TFJS_LORA_TENSORFLOW takes a wheel, whose digest is checked as well', async () => {
  const path = join(cache, 'mine.whl');
  vi.stubEnv('TFJS_LORA_TENSORFLOW', path);
  vi.stubEnv('PATH', '/nowhere');
  await writeFile(path, wheel.subarray(0, 100));
  await expect(fetchTensorFlow('cpu', note, release)).rejects.toThrow(`${path}: SHA-256 is`);
  await writeFile(path, wheel);
  await fetchTensorFlow('cpu', note, release);
  expect(findTensorFlow('cpu')?.libraries).toBe(join(cache, 'tensorflow/2.21.0-cpu/tensorflow'));
  expect(existsSync(path)).toBe(true);
});

test('of several files those that are done are not fetched again after one failed', async () => {
  const other = storedZip({ 'nvidia/cublas/lib/libcublas.so.12': 'CUDA', 'nvidia/cublas/include/x.h': '' });
  const [first] = release.wheels;
  const second = { ...first!, name: 'nvidia-cublas-cu12', sha256: sha256(other) };
  const both = { ...release, wheels: [first!, second] };
  await usePip(wheel);
  await expect(fetchTensorFlow('cuda', note, both)).rejects.toThrow('SHA-256');
  expect(notes[0]).toBe('2 downloads, 0 MB; 0 MB on disk');
  await usePip(other);
  const { libraries } = await fetchTensorFlow('cuda', note, both);
  const calls = (await readFile(join(cache, 'calls'), 'utf8'))
    .split('\n')
    .filter((call) => / download /.test(call));
  expect(calls.map((call) => call.split(' ').at(-1))).toEqual([
    'tensorflow-cpu==2.21.0',
    'nvidia-cublas-cu12==2.21.0',
    'nvidia-cublas-cu12==2.21.0',
  ]);
  expect(await readFile(join(libraries, '../nvidia/cublas/lib/libcublas.so.12'), 'utf8')).toBe('CUDA');
  expect(existsSync(join(libraries, '../nvidia/cublas/include'))).toBe(false);
});

test('TFJS_LORA_TENSORFLOW takes a folder of wheels, and names the one that it lacks', async () => {
  const folder = await temporaryFolder();
  vi.stubEnv('TFJS_LORA_TENSORFLOW', folder);
  vi.stubEnv('PATH', '/nowhere');
  await writeFile(join(folder, 'other-1.0-py3-none-any.whl'), '');
  await expect(fetchTensorFlow('cpu', note, release)).rejects.toThrow(
    `${folder}: has no tensorflow_cpu-2.21.0-*.whl; fetch it with 'pip download --no-deps tensorflow-cpu==2.21.0'`,
  );
  await writeFile(join(folder, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl'), wheel);
  const { libraries } = await fetchTensorFlow('cpu', note, release);
  expect(await readFile(join(libraries, 'libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
});

test('TFJS_LORA_TENSORFLOW takes an unpacked wheel, or its tensorflow folder, where it is', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'tensorflow'));
  vi.stubEnv('TFJS_LORA_TENSORFLOW', folder);
  expect(() => findTensorFlow('cpu')).toThrow(`${folder}: has no libtensorflow_cc.so.2`);
  await writeFile(join(folder, 'tensorflow/libtensorflow_cc.so.2'), 'library');
  const found = {
    libraries: join(folder, 'tensorflow'),
    include: join(folder, 'tensorflow/include'),
    sizeBytes: 7,
  };
  expect(findTensorFlow('cpu')).toEqual(found);
  vi.stubEnv('TFJS_LORA_TENSORFLOW', join(folder, 'tensorflow'));
  expect(findTensorFlow('cpu')).toEqual(found);
  vi.stubEnv('TFJS_LORA_TENSORFLOW', '/nowhere/at/all');
  expect(() => findTensorFlow('cpu')).toThrow('TFJS_LORA_TENSORFLOW=/nowhere/at/all: no such file');
});

test('a disk without room is told before the download, with what is needed', async () => {
  await usePip(wheel);
  const huge = { ...release, wheels: [{ ...release.wheels[0]!, unpackedBytes: 1e18 }] };
  await expect(fetchTensorFlow('cpu', note, huge)).rejects.toThrow(/are free and 1000000000\.0 GB needed/);
  expect(existsSync(join(cache, 'calls'))).toBe(false);
});

test('a cache folder that cannot be made is named', async () => {
  await writeFile(join(cache, 'file'), '');
  vi.stubEnv('TFJS_LORA_CACHE', join(cache, 'file'));
  await expect(fetchTensorFlow('cpu', note, release)).rejects.toThrow(
    /file\/tensorflow\/2\.21\.0-cpu: cannot be written \(ENOTDIR\).*TFJS_LORA_CACHE/,
  );
});
