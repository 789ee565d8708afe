import { lstatSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { linkSystemCuda, systemCuda, wheelsBesides } from '../../../scripts/setup/cuda-system.mjs';
import { releases } from '../../../scripts/setup/releases.mjs';
import { temporaryFolder } from '../../helpers/temporary.ts';

const versions = {
  12: [
    'cudart.so.12',
    'cublas.so.12',
    'cublasLt.so.12',
    'cufft.so.11',
    'cusolver.so.11',
    'cusparse.so.12',
    'cupti.so.12',
  ],
  13: [
    'cudart.so.13',
    'cublas.so.13',
    'cublasLt.so.13',
    'cufft.so.12',
    'cusolver.so.12',
    'cusparse.so.12',
    'cupti.so.13',
  ],
} as const;

let toolkit: string;

beforeEach(async () => {
  toolkit = await temporaryFolder();
  await mkdir(join(toolkit, 'bin'));
  await mkdir(join(toolkit, 'lib64'));
  vi.stubEnv('TFJS_LORA_CUDA', toolkit);
  return () => vi.unstubAllEnvs();
});

/** A toolkit whose libraries hold their own names. */
async function makeToolkit(version: 12 | 13): Promise<void> {
  await writeFile(join(toolkit, 'bin/ptxas'), '');
  for (const name of [...versions[version], 'cudnn.so.9', 'nccl.so.2', 'nvJitLink.so.12']) {
    await writeFile(join(toolkit, 'lib64', `lib${name}`), `lib${name}`);
  }
}

test('CUDA 12 of the system leaves TensorFlow alone to be fetched, and is linked where it looks', async () => {
  await makeToolkit(12);
  const system = systemCuda()!;
  expect(wheelsBesides(system, releases.cuda.wheels).map(({ name }) => name)).toEqual(['tensorflow']);
  const folder = await temporaryFolder();
  linkSystemCuda(system, folder);
  const read = (path: string) => readFile(join(folder, 'nvidia', path), 'utf8');
  expect(await read('cublas/lib/libcublas.so.12')).toBe('libcublas.so.12');
  expect(await read('cuda_runtime/lib/libcudart.so.12')).toBe('libcudart.so.12');
  expect(await read('cusolver/lib/libnvJitLink.so.12')).toBe('libnvJitLink.so.12');
  expect(readlinkSync(join(folder, 'nvidia/cuda_nvcc'))).toBe(toolkit);
});

test("CUDA 13 of the system serves under CUDA 12's names, besides CUDA 12's own runtime and CUPTI", async () => {
  await makeToolkit(13);
  const system = systemCuda()!;
  expect(wheelsBesides(system, releases.cuda.wheels).map(({ name }) => name)).toEqual([
    'tensorflow',
    'nvidia-cuda-cupti-cu12',
    'nvidia-cuda-runtime-cu12',
  ]);
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'nvidia/cuda_runtime/lib'), { recursive: true });
  linkSystemCuda(system, folder);
  const read = (path: string) => readFile(join(folder, 'nvidia', path), 'utf8');
  expect(await read('cublas/lib/libcublasLt.so.12')).toBe('libcublasLt.so.13');
  expect(await read('cufft/lib/libcufft.so.11')).toBe('libcufft.so.12');
  expect(lstatSync(join(folder, 'nvidia/cuda_runtime/lib')).isDirectory()).toBe(true);
});

test('a folder that is no toolkit, or a toolkit that lacks a library, is refused by name', async () => {
  expect(() => systemCuda()).toThrow(/has no bin\/ptxas; it must be the folder of a CUDA toolkit/);
  await writeFile(join(toolkit, 'bin/ptxas'), '');
  expect(() => systemCuda()).toThrow(/^libcudart\.so\.12: not found in /);
});

test('without TFJS_LORA_CUDA the system is not looked at', () => {
  vi.stubEnv('TFJS_LORA_CUDA', '');
  expect(systemCuda()).toBeUndefined();
});
