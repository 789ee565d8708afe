import { expect, test } from 'vitest';
import { parseObstacles } from '../../src/tensorflow/cuda-problems.ts';

const logged = (line: string) => `I0000 00:00:1795703320.009618    1684 ${line}`;

test('a library that TensorFlow cannot load is named with the reason and what to do', () => {
  const log = [
    logged('dso_loader.cc:133] Successfully opened dynamic library libcublas.so.12'),
    logged(
      "dso_loader.cc:144] Could not load dynamic library 'libcusolver.so.11'; dlerror: libcusolver.so.11: cannot open shared object file: No such file or directory; LD_LIBRARY_PATH: /usr/lib",
    ),
  ].join('\n');
  expect(parseObstacles(log)).toEqual([
    "TensorFlow cannot load libcusolver.so.11 (libcusolver.so.11: cannot open shared object file: No such file or directory); run 'npx tfjs-lora setup --device cuda'",
  ]);
});

test('a driver that does not start is said in its own words', () => {
  const line = 'cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)';
  expect(parseObstacles(logged(line))).toEqual([
    'the driver does not start (INTERNAL: CUDA error: UNKNOWN ERROR (303))',
  ]);
});

test('where all goes well there is nothing to say', () => {
  expect(parseObstacles(logged('gpu_device.cc:2334] Found device 0'))).toEqual([]);
});
