import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { TensorFlowError } from '../../src/errors.ts';
import {
  cudaAdvice,
  cudaFacts,
  parseDriverAnswer,
  requireFreeMemory,
} from '../../src/tensorflow/cuda-facts.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test("the driver's answer names each card", () => {
  const answer = '570.86.10, NVIDIA H100 80GB HBM3, 81559, 9.0\n570.86.10, Tesla K80, 11441, 3.7\n';
  expect(parseDriverAnswer(answer)).toEqual([
    '570.86.10',
    [
      { name: 'NVIDIA H100 80GB HBM3', memoryMiB: 81559, computeCapability: '9.0' },
      { name: 'Tesla K80', memoryMiB: 11441, computeCapability: '3.7' },
    ],
  ]);
});

test('libraries are missing until they are where TensorFlow looks for them', async () => {
  const folder = await temporaryFolder();
  const libraries = join(folder, 'tensorflow');
  expect(cudaFacts(libraries).missing).toContain('libcudart.so.12');
  await mkdir(join(folder, 'nvidia/cuda_runtime/lib'), { recursive: true });
  await writeFile(join(folder, 'nvidia/cuda_runtime/lib/libcudart.so.12'), '');
  expect(cudaFacts(libraries).missing).not.toContain('libcudart.so.12');
});

test('each thing that is missing has a line that says what to do', () => {
  const card = { name: 'H100', memoryMiB: 81559, computeCapability: '9.0' };
  expect(cudaAdvice({ driver: '570.86.10', cards: [card], missing: [] })).toEqual([]);
  expect(cudaAdvice({ driver: null, cards: [], missing: ['libcuda.so.1'] })).toEqual([
    expect.stringMatching(/^no NVIDIA driver answers .*install driver 525 or newer/),
  ]);
  expect(cudaAdvice({ driver: '470.1', cards: [card], missing: [] })).toEqual([
    'the NVIDIA driver is 470.1, and CUDA 12 needs 525 or newer',
  ]);
  const old = { ...card, name: 'Tesla K80', computeCapability: '3.7' };
  expect(cudaAdvice({ driver: '570.86.10', cards: [card, old], missing: [] })).toEqual([
    'Tesla K80 has compute capability 3.7, and TensorFlow needs 6.0 or higher',
  ]);
  expect(
    cudaAdvice({ driver: '570.86.10', cards: [card], missing: ['libcublas.so.12', 'libcuda.so.1'] }),
  ).toEqual([
    "libcublas.so.12 missing; run 'npx tfjs-lora setup --device cuda'",
    expect.stringContaining('LD_LIBRARY_PATH'),
  ]);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Makes nvidia-smi do what a shell script does. */
async function nvidiaSmi(script: string): Promise<void> {
  const folder = await temporaryFolder();
  const file = join(folder, 'nvidia-smi');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
}

test('cards that are full are refused before TensorFlow starts', async () => {
  await nvidiaSmi("printf '148\\n600\\n'");
  expect(requireFreeMemory).toThrow(TensorFlowError);
  expect(requireFreeMemory).toThrow(/^the GPU has 600 MiB of memory free, and 640 are needed to start;/);
});

test.for(["printf '148\\n640\\n'", "echo '[N/A]'", 'exit 9'])(
  'one card with room is enough, and no answer is no reason to refuse: %s',
  async (script) => {
    await nvidiaSmi(script);
    expect(requireFreeMemory).not.toThrow();
  },
);
