import { expect, test } from 'vitest';
import { setTensorFlowFlags, setXlaCacheFolder } from '../../src/tensorflow-libraries/flags.ts';

const cuda = { toolsFolder: '/cuda', tf32: false, deterministic: false, commandBuffers: false };

test('sets only the variables that the user has not set', () => {
  const env = { TF_CPP_MIN_LOG_LEVEL: '0', TF_NUM_INTRAOP_THREADS: '3' };
  setTensorFlowFlags({ threads: 1 }, env);
  expect(env).toEqual({
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_NUM_INTRAOP_THREADS: '3',
    TF_NUM_INTEROP_THREADS: '1',
    XLA_FLAGS:
      '--xla_backend_optimization_level=2 --xla_backend_extra_options=xla_cpu_use_multi_output_fusion',
  });
});

test("adds flags after the user's, and does not set one twice", () => {
  const env = { TF_XLA_FLAGS: '--tf_xla_clustering_debug' };
  setXlaCacheFolder('/cache', env);
  expect(env.TF_XLA_FLAGS).toBe('--tf_xla_clustering_debug --tf_xla_persistent_cache_directory=/cache');
  const ownFolder = { TF_XLA_FLAGS: '--tf_xla_persistent_cache_directory=/mine' };
  setXlaCacheFolder('/cache', ownFolder);
  expect(ownFolder.TF_XLA_FLAGS).toBe('--tf_xla_persistent_cache_directory=/mine');
  const flags = '--xla_backend_extra_options=xla_cpu_small_call --xla_backend_optimization_level=3';
  const ownOptions = { XLA_FLAGS: flags };
  setTensorFlowFlags({}, ownOptions);
  expect(ownOptions.XLA_FLAGS).toBe(flags);
});

test('leaves out a folder with a space, which a flag cannot contain', () => {
  const env: NodeJS.ProcessEnv = {};
  setXlaCacheFolder('/my cache', env);
  expect(env.TF_XLA_FLAGS).toBeUndefined();
});

test('sets no threads by default', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({}, env);
  expect(Object.keys(env).filter((name) => name.includes('THREADS'))).toEqual([]);
});

test('on a GPU memory grows as needed and products are computed in float32', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({ cuda }, env);
  expect(env).toMatchObject({
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    NVIDIA_TF32_OVERRIDE: '0',
    XLA_FLAGS: '--xla_gpu_cuda_data_dir=/cuda',
  });
  expect(env.TF_DETERMINISTIC_OPS).toBeUndefined();
});

test("on a GPU the user's variables stay as they are", () => {
  const env = {
    TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    NVIDIA_TF32_OVERRIDE: '1',
    XLA_FLAGS: '--xla_gpu_cuda_data_dir=/mine',
  };
  const before = { ...env };
  setTensorFlowFlags({ cuda }, env);
  expect(env).toMatchObject(before);
});

test('TF32 is left to the GPU if it is allowed, and determinism is requested from XLA only', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({ cuda: { tf32: true, deterministic: true, commandBuffers: false } }, env);
  expect(env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
  expect(env.TF_DETERMINISTIC_OPS).toBeUndefined();
  expect(env.XLA_FLAGS).toBe('--xla_gpu_deterministic_ops=true');
});

test('on a CPU no variable for a GPU is set', () => {
  const env: NodeJS.ProcessEnv = {};
  setTensorFlowFlags({ threads: 1 }, env);
  expect(Object.keys(env).filter((name) => /GPU|NVIDIA/.test(name))).toEqual([]);
  expect(env.XLA_FLAGS).not.toContain('gpu');
});

test('reports each variable and flag of the user that differs from what would be set', () => {
  const env: NodeJS.ProcessEnv = {
    NVIDIA_TF32_OVERRIDE: '1',
    XLA_FLAGS:
      '--xla_gpu_enable_command_buffer= --xla_gpu_cuda_data_dir=/cuda --xla_gpu_deterministic_ops=false',
  };
  expect(setTensorFlowFlags({ cuda: { ...cuda, commandBuffers: true, deterministic: true } }, env)).toEqual([
    'NVIDIA_TF32_OVERRIDE is 1, not 0; float32 products may be computed in TF32, with a 10-bit mantissa',
    'XLA_FLAGS has --xla_gpu_deterministic_ops=false; results may differ between runs',
    'XLA_FLAGS has --xla_gpu_enable_command_buffer=; training may be slower',
  ]);
  const own = { XLA_FLAGS: '--xla_backend_extra_options=xla_cpu_small_call' };
  expect(setTensorFlowFlags({}, own)).toEqual([
    'XLA_FLAGS has --xla_backend_extra_options=xla_cpu_small_call; training with XLA may be slower',
  ]);
});

test('reports nothing if the flags are set as they would be, or TF32 is allowed', () => {
  const env: NodeJS.ProcessEnv = {};
  const all = { ...cuda, commandBuffers: true, deterministic: true };
  expect(setTensorFlowFlags({ cuda: all }, env)).toEqual([]);
  expect(setTensorFlowFlags({ cuda: all }, env)).toEqual([]);
  expect(setTensorFlowFlags({ cuda: { ...cuda, tf32: true } }, { NVIDIA_TF32_OVERRIDE: '1' })).toEqual([]);
});
