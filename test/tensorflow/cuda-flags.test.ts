import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cudaToolsFolder } from '../../src/tensorflow/cuda-tools.ts';
import { setTensorFlowFlags } from '../../src/tensorflow/flags.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('on a card memory grows as needed and products stay float32, unless the user says otherwise', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags(
    { cuda: { toolsFolder: '/cuda', tf32: false, deterministic: false, commandBuffers: false } },
    env,
  );
  expect(env).toMatchObject({
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    NVIDIA_TF32_OVERRIDE: '0',
    XLA_FLAGS: '--xla_gpu_cuda_data_dir=/cuda',
  });
  expect(env.TF_DETERMINISTIC_OPS).toBeUndefined();
  const own = {
    TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    NVIDIA_TF32_OVERRIDE: '1',
    XLA_FLAGS: '--xla_gpu_cuda_data_dir=/own',
  };
  const before = { ...own };
  setTensorFlowFlags(
    { cuda: { toolsFolder: '/cuda', tf32: false, deterministic: false, commandBuffers: false } },
    own,
  );
  expect(own).toMatchObject(before);
});

test('TF32 is left to the card when allowed, and the same bits are asked of XLA alone', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({ cuda: { tf32: true, deterministic: true, commandBuffers: false } }, env);
  expect(env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
  expect(env.TF_DETERMINISTIC_OPS).toBeUndefined();
  expect(env.XLA_FLAGS).toBe('--xla_gpu_deterministic_ops=true');
});

test('nothing of a card is set for the processor', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({ threads: 1 }, env);
  expect(Object.keys(env).filter((name) => /GPU|NVIDIA/.test(name))).toEqual([]);
  expect(env.XLA_FLAGS).not.toContain('gpu');
});

test('the tools of set-up come first, then those of CUDA_HOME and CUDA_PATH', async () => {
  const [own, home] = [await temporaryFolder(), await temporaryFolder()];
  for (const folder of [own, home]) await mkdir(join(folder, 'nvvm/libdevice'), { recursive: true });
  expect(cudaToolsFolder(own, { CUDA_HOME: home })).toBe(own);
  expect(cudaToolsFolder('/gone', { CUDA_HOME: home })).toBe(home);
  expect(cudaToolsFolder(undefined, { CUDA_HOME: '/gone', CUDA_PATH: home })).toBe(home);
});
