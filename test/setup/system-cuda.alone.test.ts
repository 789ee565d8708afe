import { lstatSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { releases } from '../../src/setup/releases.ts';
import { linkSystemCuda, systemCuda, wheelsWith } from '../../src/setup/system-cuda.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

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

/** Makes a toolkit. Each library is a file that holds its own name. */
async function makeToolkit(version: 12 | 13): Promise<void> {
  await writeFile(join(toolkit, 'bin/ptxas'), '');
  for (const name of [...versions[version], 'cudnn.so.9', 'nccl.so.2', 'nvJitLink.so.12']) {
    await writeFile(join(toolkit, 'lib64', `lib${name}`), `lib${name}`);
  }
}

test("with the system's CUDA 12 only TensorFlow is downloaded, and CUDA is linked into its search path", async () => {
  await makeToolkit(12);
  const system = systemCuda()!;
  expect(wheelsWith(system, releases.cuda.wheels).map(({ name }) => name)).toEqual(['tensorflow']);
  const folder = await temporaryFolder();
  await linkSystemCuda(system, folder);
  const read = (path: string) => readFile(join(folder, 'nvidia', path), 'utf8');
  expect(await read('cublas/lib/libcublas.so.12')).toBe('libcublas.so.12');
  expect(await read('cuda_runtime/lib/libcudart.so.12')).toBe('libcudart.so.12');
  expect(await read('cusolver/lib/libnvJitLink.so.12')).toBe('libnvJitLink.so.12');
  expect(readlinkSync(join(folder, 'nvidia/cuda_nvcc'))).toBe(toolkit);
});

test("the system's CUDA 13 is linked under CUDA 12's names; runtime and CUPTI of CUDA 12 are downloaded", async () => {
  await makeToolkit(13);
  const system = systemCuda()!;
  expect(wheelsWith(system, releases.cuda.wheels).map(({ name }) => name)).toEqual([
    'tensorflow',
    'nvidia-cuda-cupti-cu12',
    'nvidia-cuda-runtime-cu12',
  ]);
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'nvidia/cuda_runtime/lib'), { recursive: true });
  await linkSystemCuda(system, folder);
  const read = (path: string) => readFile(join(folder, 'nvidia', path), 'utf8');
  expect(await read('cublas/lib/libcublasLt.so.12')).toBe('libcublasLt.so.13');
  expect(await read('cufft/lib/libcufft.so.11')).toBe('libcufft.so.12');
  expect(lstatSync(join(folder, 'nvidia/cuda_runtime/lib')).isDirectory()).toBe(true);
});

test('an incomplete toolkit is rejected with the name of the missing file', async () => {
  expect(() => systemCuda()).toThrow(/no bin\/ptxas found; it must be the folder of a CUDA toolkit/);
  await writeFile(join(toolkit, 'bin/ptxas'), '');
  expect(() => systemCuda()).toThrow(/^libcudart\.so\.12: not found in /);
});

test("without TFJS_LORA_CUDA the system's CUDA is not used", () => {
  vi.stubEnv('TFJS_LORA_CUDA', '');
  expect(systemCuda()).toBeUndefined();
});
