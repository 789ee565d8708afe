import { expect, test } from 'vitest';
import { nativeState } from '../../../src/setup/index.ts';
import { queryDriver, requireFreeMemory } from '../../../src/tensorflow/cuda/gpus.ts';
import { loadTensorFlow } from '../../../src/tensorflow/index.ts';
import { stubNvidiaSmi } from '../../helpers/nvidia-smi.ts';

test('the driver and each GPU are read from nvidia-smi', async () => {
  await stubNvidiaSmi(
    "echo '570.86.10, NVIDIA H100 80GB HBM3, 81559, 9.0'; echo '570.86.10, Tesla K80, 11441, 3.7'",
  );
  expect(queryDriver()).toEqual({
    driver: '570.86.10',
    gpus: [
      { name: 'NVIDIA H100 80GB HBM3', memoryMiB: 81559, computeCapability: '9.0' },
      { name: 'Tesla K80', memoryMiB: 11441, computeCapability: '3.7' },
    ],
  });
});

test('if nvidia-smi fails, no driver and no GPU are reported', async () => {
  await stubNvidiaSmi('exit 9');
  expect(queryDriver()).toEqual({ driver: null, gpus: [] });
});

test('it is an error if no GPU has 640 MiB of memory free', async () => {
  await stubNvidiaSmi("printf '148\\n600\\n'");
  expect(requireFreeMemory).toThrow(
    expect.objectContaining({
      code: 'gpu-memory-full',
      message: expect.stringMatching(/^the GPU has 600 MiB of memory free, and 640 are needed to start;/),
    }),
  );
});

test.for(["printf '148\\n640\\n'", "echo '[N/A]'", 'exit 9'])(
  'one GPU with enough memory, or no answer, is not an error: %s',
  async (script) => {
    await stubNvidiaSmi(script);
    expect(requireFreeMemory).not.toThrow();
  },
);

test.runIf(nativeState('cuda').problem === undefined)(
  'loading TensorFlow for a GPU checks for free memory first',
  async () => {
    await stubNvidiaSmi('echo 148');
    await expect(loadTensorFlow({ device: 'cuda' })).rejects.toMatchObject({ code: 'gpu-memory-full' });
  },
);
