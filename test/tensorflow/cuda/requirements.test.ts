import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cudaFacts, unmetRequirements } from '../../../src/tensorflow/index.ts';
import { stubNvidiaSmi } from '../../helpers/nvidia-smi.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const h100 = { name: 'H100', memoryMiB: 81559, computeCapability: '9.0' };
const driver = '570.86.10';

test("a CUDA library is missing unless it is in the folder of its wheel, beside TensorFlow's", async () => {
  await stubNvidiaSmi('exit 9');
  const folder = await temporaryFolder();
  const libraries = join(folder, 'tensorflow');
  expect(cudaFacts(libraries).missing).toContain('libcudart.so.12');
  await mkdir(join(folder, 'nvidia/cuda_runtime/lib'), { recursive: true });
  await writeFile(join(folder, 'nvidia/cuda_runtime/lib/libcudart.so.12'), '');
  expect(cudaFacts(libraries).missing).not.toContain('libcudart.so.12');
});

test('all requirements are met with a new driver, a new GPU and all libraries', () => {
  expect(unmetRequirements({ driver, cards: [h100], missing: [] })).toEqual([]);
});

test('a missing driver is the only problem reported about the driver', () => {
  expect(unmetRequirements({ driver: null, cards: [], missing: ['libcuda.so.1'] })).toEqual([
    {
      code: 'cuda-unavailable',
      message: expect.stringMatching(/^no NVIDIA driver answers .*install driver 525 or newer/),
    },
  ]);
});

test('an old driver is reported with the version that is needed', () => {
  expect(unmetRequirements({ driver: '470.1', cards: [h100], missing: [] })).toEqual([
    { code: 'cuda-unavailable', message: 'the NVIDIA driver is 470.1, and CUDA 12 needs 525 or newer' },
  ]);
});

test('an old GPU is reported with the compute capability that is needed', () => {
  const k80 = { ...h100, name: 'Tesla K80', computeCapability: '3.7' };
  expect(unmetRequirements({ driver, cards: [h100, k80], missing: [] })).toEqual([
    {
      code: 'cuda-unavailable',
      message: 'Tesla K80 has compute capability 3.7, and TensorFlow needs 6.0 or higher',
    },
  ]);
});

test("missing CUDA libraries are fixed by set-up, a missing driver's library is not", () => {
  const missing = ['libcublas.so.12', 'libcuda.so.1'];
  expect(unmetRequirements({ driver, cards: [h100], missing })).toEqual([
    { code: 'cuda-unavailable', message: expect.stringContaining('LD_LIBRARY_PATH') },
    { code: 'cuda-not-set-up', message: 'missing: libcublas.so.12' },
  ]);
});
