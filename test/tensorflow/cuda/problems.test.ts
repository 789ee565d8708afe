import { expect, test } from 'vitest';
import { parseDeviceLog } from '../../../src/tensorflow/cuda/problems.ts';

const logged = (line: string) => `I0000 00:00:1795703320.009618    1684 ${line}`;

test('a library that TensorFlow cannot load is reported with the reason and set-up as the fix', () => {
  const log = [
    logged('dso_loader.cc:133] Successfully opened dynamic library libcublas.so.12'),
    logged(
      "dso_loader.cc:144] Could not load dynamic library 'libcusolver.so.11'; dlerror: libcusolver.so.11: cannot open shared object file: No such file or directory; LD_LIBRARY_PATH: /usr/lib",
    ),
  ].join('\n');
  expect(parseDeviceLog(log)).toEqual([
    {
      code: 'cuda-not-set-up',
      message:
        'TensorFlow cannot load libcusolver.so.11 (libcusolver.so.11: cannot open shared object file: No such file or directory)',
    },
  ]);
});

test("a driver that does not start is reported with the driver's error", () => {
  const line = 'cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)';
  expect(parseDeviceLog(logged(line))).toEqual([
    {
      code: 'cuda-unavailable',
      message: 'the driver does not start (INTERNAL: CUDA error: UNKNOWN ERROR (303))',
    },
  ]);
});

test('a log without failures gives no problems', () => {
  expect(parseDeviceLog(logged('gpu_device.cc:2334] Found device 0'))).toEqual([]);
});
